/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/dcerpc/iface.h"

/* Wrapped by hand: one row per interface, names in the order of their numbers. */
/* clang-format off */
static const struct dce_iface ifaces[] = {
    {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epm", "C706", 3,
     "ept_insert ept_delete ept_lookup ept_map ept_lookup_handle_free ept_inq_object ept_mgmt_delete"},
    {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt", "C706", 1,
     "rpc__mgmt_inq_if_ids rpc__mgmt_inq_stats rpc__mgmt_is_server_listening rpc__mgmt_stop_server_listening "
     "rpc__mgmt_inq_princ_name"},
    {"367abb81-9844-35f1-ad32-98f038001003", "svcctl", "MS-SCMR", 2,
     "CloseServiceHandle ControlService DeleteService LockServiceDatabase QueryServiceObjectSecurity "
     "SetServiceObjectSecurity QueryServiceStatus SetServiceStatus UnlockServiceDatabase NotifyBootConfigStatus "
     "ScSetServiceBitsW ChangeServiceConfigW CreateServiceW EnumDependentServicesW EnumServicesStatusW "
     "OpenSCManagerW OpenServiceW QueryServiceConfigW QueryServiceLockStatusW StartServiceW "
     "GetServiceDisplayNameW GetServiceKeyNameW ScSetServiceBitsA ChangeServiceConfigA CreateServiceA "
     "EnumDependentServicesA EnumServicesStatusA OpenSCManagerA OpenServiceA QueryServiceConfigA "
     "QueryServiceLockStatusA StartServiceA GetServiceDisplayNameA GetServiceKeyNameA ScGetCurrentGroupStateW "
     "EnumServiceGroupW ChangeServiceConfig2A ChangeServiceConfig2W QueryServiceConfig2A QueryServiceConfig2W "
     "QueryServiceStatusEx EnumServicesStatusExA EnumServicesStatusExW - CreateServiceWOW64A CreateServiceWOW64W "
     "- NotifyServiceStatusChange GetNotifyResults CloseNotifyHandle ControlServiceExA ControlServiceExW - - - - "
     "QueryServiceConfigEx - - - CreateWowService - - - OpenSCManager2"},
    {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", "MS-TSCH", 1,
     "NetrJobAdd NetrJobDel NetrJobEnum NetrJobGetInfo"},
    {"86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService", "MS-TSCH", 1,
     "SchRpcHighestVersion SchRpcRegisterTask SchRpcRetrieveTask SchRpcCreateFolder SchRpcSetSecurity "
     "SchRpcGetSecurity SchRpcEnumFolders SchRpcEnumTasks SchRpcEnumInstances SchRpcGetInstanceInfo "
     "SchRpcStopInstance SchRpcStop SchRpcRun SchRpcDelete SchRpcRename SchRpcScheduledRuntimes "
     "SchRpcGetLastRunInfo SchRpcGetTaskInfo SchRpcGetNumberOfMissedRuns SchRpcEnableTask"},
    {"378e52b0-c0a9-11cf-822d-00aa0051e40f", "sasec", "MS-TSCH", 1,
     "SASetAccountInformation SASetNSAccountInformation SAGetNSAccountInformation SAGetAccountInformation"},
    {"0a74ef1c-41a4-4e06-83ae-dc74fb1cdd53", "idletask", "", 1,
     "ItSrvRegisterIdleTask ItSrvUnregisterIdleTask ItSrvProcessIdleTasks ItSrvSetDetectionParameters"},
    {"12345778-1234-abcd-ef00-0123456789ac", "samr", "MS-SAMR", 1,
     "SamrConnect SamrCloseHandle SamrSetSecurityObject SamrQuerySecurityObject - SamrLookupDomainInSamServer "
     "SamrEnumerateDomainsInSamServer SamrOpenDomain SamrQueryInformationDomain SamrSetInformationDomain "
     "SamrCreateGroupInDomain SamrEnumerateGroupsInDomain SamrCreateUserInDomain SamrEnumerateUsersInDomain "
     "SamrCreateAliasInDomain SamrEnumerateAliasesInDomain SamrGetAliasMembership SamrLookupNamesInDomain "
     "SamrLookupIdsInDomain SamrOpenGroup SamrQueryInformationGroup SamrSetInformationGroup SamrAddMemberToGroup "
     "SamrDeleteGroup SamrRemoveMemberFromGroup SamrGetMembersInGroup SamrSetMemberAttributesOfGroup "
     "SamrOpenAlias SamrQueryInformationAlias SamrSetInformationAlias SamrDeleteAlias SamrAddMemberToAlias "
     "SamrRemoveMemberFromAlias SamrGetMembersInAlias SamrOpenUser SamrDeleteUser SamrQueryInformationUser "
     "SamrSetInformationUser SamrChangePasswordUser SamrGetGroupsForUser SamrQueryDisplayInformation "
     "SamrGetDisplayEnumerationIndex - - SamrGetUserDomainPasswordInformation SamrRemoveMemberFromForeignDomain "
     "SamrQueryInformationDomain2 SamrQueryInformationUser2 SamrQueryDisplayInformation2 "
     "SamrGetDisplayEnumerationIndex2 SamrCreateUser2InDomain SamrQueryDisplayInformation3 "
     "SamrAddMultipleMembersToAlias SamrRemoveMultipleMembersFromAlias SamrOemChangePasswordUser2 "
     "SamrUnicodeChangePasswordUser2 SamrGetDomainPasswordInformation SamrConnect2 SamrSetInformationUser2 - - - "
     "SamrConnect4 - SamrConnect5 SamrRidToSid SamrSetDSRMPassword SamrValidatePassword - - - - - "
     "SamrUnicodeChangePasswordUser4 SamrValidateComputerAccountReuseAttempt"},
    {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc", "MS-LSAD, MS-LSAT", 0,
     "LsarClose - LsarEnumeratePrivileges LsarQuerySecurityObject LsarSetSecurityObject - LsarOpenPolicy "
     "LsarQueryInformationPolicy LsarSetInformationPolicy - LsarCreateAccount LsarEnumerateAccounts "
     "LsarCreateTrustedDomain LsarEnumerateTrustedDomains LsarLookupNames LsarLookupSids LsarCreateSecret "
     "LsarOpenAccount LsarEnumeratePrivilegesAccount LsarAddPrivilegesToAccount LsarRemovePrivilegesFromAccount "
     "- - LsarGetSystemAccessAccount LsarSetSystemAccessAccount LsarOpenTrustedDomain "
     "LsarQueryInfoTrustedDomain LsarSetInformationTrustedDomain LsarOpenSecret LsarSetSecret LsarQuerySecret "
     "LsarLookupPrivilegeValue LsarLookupPrivilegeName LsarLookupPrivilegeDisplayName LsarDeleteObject "
     "LsarEnumerateAccountsWithUserRight LsarEnumerateAccountRights LsarAddAccountRights LsarRemoveAccountRights "
     "LsarQueryTrustedDomainInfo LsarSetTrustedDomainInfo LsarDeleteTrustedDomain LsarStorePrivateData "
     "LsarRetrievePrivateData LsarOpenPolicy2 LsarGetUserName LsarQueryInformationPolicy2 "
     "LsarSetInformationPolicy2 LsarQueryTrustedDomainInfoByName LsarSetTrustedDomainInfoByName "
     "LsarEnumerateTrustedDomainsEx LsarCreateTrustedDomainEx - LsarQueryDomainInformationPolicy "
     "LsarSetDomainInformationPolicy LsarOpenTrustedDomainByName - LsarLookupSids2 LsarLookupNames2 "
     "LsarCreateTrustedDomainEx2 - - - - - - - - LsarLookupNames3 - - - - LsarQueryForestTrustInformation "
     "LsarSetForestTrustInformation - LsarLookupSids3 LsarLookupNames4"},
    {"3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup", "MS-DSSP", 0,
     "DsRolerGetPrimaryDomainInformation DsRolerDnsNameToFlatName DsRolerDcAsDc DsRolerDcAsReplica DsRolerDemoteDc "
     "DsRolerGetDcOperationProgress DsRolerGetDcOperationResults DsRolerCancel DsRolerServerSaveStateForUpgrade "
     "DsRolerUpgradeDownlevelServer DsRolerAbortDownlevelServerUpgrade"},
    {"12345678-1234-abcd-ef00-01234567cffb", "netlogon", "MS-NRPC", 1,
     "NetrLogonUasLogon NetrLogonUasLogoff NetrLogonSamLogon NetrLogonSamLogoff NetrServerReqChallenge "
     "NetrServerAuthenticate NetrServerPasswordSet NetrDatabaseDeltas NetrDatabaseSync NetrAccountDeltas "
     "NetrAccountSync NetrGetDCName NetrLogonControl NetrGetAnyDCName NetrLogonControl2 NetrServerAuthenticate2 "
     "NetrDatabaseSync2 NetrDatabaseRedo NetrLogonControl2Ex NetrEnumerateTrustedDomains DsrGetDcName "
     "NetrLogonGetCapabilities NetrLogonSetServiceBits NetrLogonGetTrustRid NetrLogonComputeServerDigest "
     "NetrLogonComputeClientDigest NetrServerAuthenticate3 DsrGetDcNameEx DsrGetSiteName NetrLogonGetDomainInfo "
     "NetrServerPasswordSet2 NetrServerPasswordGet NetrLogonSendToSam DsrAddressToSiteNamesW DsrGetDcNameEx2 "
     "NetrLogonGetTimeServiceParentDomain NetrEnumerateTrustedDomainsEx DsrAddressToSiteNamesExW "
     "DsrGetDcSiteCoverageW NetrLogonSamLogonEx DsrEnumerateDomainTrusts DsrDeregisterDnsHostRecords "
     "NetrServerTrustPasswordsGet DsrGetForestTrustInformation NetrGetForestTrustInformation "
     "NetrLogonSamLogonWithFlags NetrServerGetTrustInfo - DsrUpdateReadOnlyServerDnsRecords "
     "NetrChainSetClientAttributes - - - - - - - - - NetrServerAuthenticateKerberos"},
    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", "MS-DRSR", 4,
     "DRSBind DRSUnbind DRSReplicaSync DRSGetNCChanges DRSUpdateRefs DRSReplicaAdd DRSReplicaDel DRSReplicaModify "
     "DRSVerifyNames DRSGetMemberships DRSInterDomainMove DRSGetNT4ChangeLog DRSCrackNames DRSWriteSPN "
     "DRSRemoveDsServer DRSRemoveDsDomain DRSDomainControllerInfo DRSAddEntry DRSExecuteKCC DRSGetReplInfo "
     "DRSAddSidHistory DRSGetMemberships2 DRSReplicaVerifyObjects DRSGetObjectExistence DRSQuerySitesByCost "
     "DRSInitDemotion DRSReplicaDemotion DRSFinishDemotion DRSAddCloneDC DRSWriteNgcKey DRSReadNgcKey"},
    {"7c44d7d4-31d5-424c-bd5e-2b3e1f323d22", "dsaop", "MS-DRSR", 1, "DSAPrepareScript DSAExecuteScript"},
    {"338cd001-2244-31f1-aaaa-900038001003", "winreg", "MS-RRP", 1,
     "OpenClassesRoot OpenCurrentUser OpenLocalMachine OpenPerformanceData OpenUsers BaseRegCloseKey "
     "BaseRegCreateKey BaseRegDeleteKey BaseRegDeleteValue BaseRegEnumKey BaseRegEnumValue BaseRegFlushKey "
     "BaseRegGetKeySecurity BaseRegLoadKey - BaseRegOpenKey BaseRegQueryInfoKey BaseRegQueryValue "
     "BaseRegReplaceKey BaseRegRestoreKey BaseRegSaveKey BaseRegSetKeySecurity BaseRegSetValue BaseRegUnLoadKey "
     "BaseInitiateSystemShutdown BaseAbortSystemShutdown BaseRegGetVersion OpenCurrentConfig - "
     "BaseRegQueryMultipleValues BaseInitiateSystemShutdownEx BaseRegSaveKeyEx OpenPerformanceText "
     "OpenPerformanceNlsText BaseRegQueryMultipleValues2 BaseRegDeleteKeyEx"},
    {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc", "MS-SRVS", 3,
     "- - - - - - - - NetrConnectionEnum NetrFileEnum NetrFileGetInfo NetrFileClose NetrSessionEnum NetrSessionDel "
     "NetrShareAdd NetrShareEnum NetrShareGetInfo NetrShareSetInfo NetrShareDel NetrShareDelSticky NetrShareCheck "
     "NetrServerGetInfo NetrServerSetInfo NetrServerDiskEnum NetrServerStatisticsGet NetrServerTransportAdd "
     "NetrServerTransportEnum NetrServerTransportDel NetrRemoteTOD - NetprPathType NetprPathCanonicalize "
     "NetprPathCompare NetprNameValidate NetprNameCanonicalize NetprNameCompare NetrShareEnumSticky "
     "NetrShareDelStart NetrShareDelCommit NetrpGetFileSecurity NetrpSetFileSecurity NetrServerTransportAddEx - "
     "NetrDfsGetVersion NetrDfsCreateLocalPartition NetrDfsDeleteLocalPartition NetrDfsSetLocalVolumeState - "
     "NetrDfsCreateExitPoint NetrDfsDeleteExitPoint NetrDfsModifyPrefix NetrDfsFixLocalVolume "
     "NetrDfsManagerReportSiteInfo NetrServerTransportDelEx NetrServerAliasAdd NetrServerAliasEnum "
     "NetrServerAliasDel NetrShareDelEx"},
    {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc", "MS-WKST", 1,
     "NetrWkstaGetInfo NetrWkstaSetInfo NetrWkstaUserEnum - - NetrWkstaTransportEnum NetrWkstaTransportAdd "
     "NetrWkstaTransportDel NetrUseAdd NetrUseGetInfo NetrUseDel NetrUseEnum - NetrWorkstationStatisticsGet - - "
     "NetrJoinDomain NetrUnjoinDomain NetrRenameMachineInDomain NetrValidateName NetrGetJoinInformation "
     "NetrGetJoinableOUs NetrJoinDomain2 NetrUnjoinDomain2 NetrRenameMachineInDomain2 NetrValidateName2 "
     "NetrGetJoinableOUs2 NetrAddAlternateComputerName NetrRemoveAlternateComputerName NetrSetPrimaryComputerName "
     "NetrEnumerateComputerNames"},
    {"6bffd098-a112-3610-9833-012892020162", "browser", "MS-BRWSA", 0,
     "I_BrowserrServerEnum I_BrowserrDebugCall I_BrowserrQueryOtherDomains I_BrowserrResetNetlogonState "
     "I_BrowserrDebugTrace I_BrowserrQueryStatistics I_BrowserrResetStatistics NetrBrowserStatisticsClear "
     "NetrBrowserStatisticsGet I_BrowserrSetNetlogonState I_BrowserrQueryEmulatedDomains I_BrowserrServerEnumEx"},
    {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog", "MS-EVEN", 0,
     "ElfrClearELFW ElfrBackupELFW ElfrCloseEL ElfrDeregisterEventSource ElfrNumberOfRecords ElfrOldestRecord "
     "ElfrChangeNotify ElfrOpenELW ElfrRegisterEventSourceW ElfrOpenBELW ElfrReadELW ElfrReportEventW "
     "ElfrClearELFA ElfrBackupELFA ElfrOpenELA ElfrRegisterEventSourceA ElfrOpenBELA ElfrReadELA "
     "ElfrReportEventA - - - ElfrGetLogInformation - ElfrReportEventAndSourceW ElfrReportEventExW "
     "ElfrReportEventExA"},
    {"f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "eventlog6", "MS-EVEN6", 1,
     "EvtRpcRegisterRemoteSubscription EvtRpcRemoteSubscriptionNextAsync EvtRpcRemoteSubscriptionNext "
     "EvtRpcRemoteSubscriptionWaitAsync EvtRpcRegisterControllableOperation EvtRpcRegisterLogQuery "
     "EvtRpcClearLog EvtRpcExportLog EvtRpcLocalizeExportLog EvtRpcMessageRender EvtRpcMessageRenderDefault "
     "EvtRpcQueryNext EvtRpcQuerySeek EvtRpcClose EvtRpcCancel EvtRpcAssertConfig EvtRpcRetractConfig "
     "EvtRpcOpenLogHandle EvtRpcGetLogFileInfo EvtRpcGetChannelList EvtRpcGetChannelConfig "
     "EvtRpcPutChannelConfig EvtRpcGetPublisherList EvtRpcGetPublisherListForChannel EvtRpcGetPublisherMetadata "
     "EvtRpcGetPublisherResourceMetadata EvtRpcGetEventMetadataEnum EvtRpcGetNextEventMetadata "
     "EvtRpcGetClassicLogDisplayName"},
    {"12345678-1234-abcd-ef00-0123456789ab", "spoolss", "MS-RPRN", 1,
     "RpcEnumPrinters RpcOpenPrinter RpcSetJob RpcGetJob RpcEnumJobs RpcAddPrinter RpcDeletePrinter RpcSetPrinter "
     "RpcGetPrinter RpcAddPrinterDriver RpcEnumPrinterDrivers RpcGetPrinterDriver RpcGetPrinterDriverDirectory "
     "RpcDeletePrinterDriver RpcAddPrintProcessor RpcEnumPrintProcessors RpcGetPrintProcessorDirectory "
     "RpcStartDocPrinter RpcStartPagePrinter RpcWritePrinter RpcEndPagePrinter RpcAbortPrinter RpcReadPrinter "
     "RpcEndDocPrinter RpcAddJob RpcScheduleJob RpcGetPrinterData RpcSetPrinterData RpcWaitForPrinterChange "
     "RpcClosePrinter RpcAddForm RpcDeleteForm RpcGetForm RpcSetForm RpcEnumForms RpcEnumPorts RpcEnumMonitors "
     "RpcAddPort RpcConfigurePort RpcDeletePort RpcCreatePrinterIC RpcPlayGdiScriptOnPrinterIC "
     "RpcDeletePrinterIC - - - RpcAddMonitor RpcDeleteMonitor RpcDeletePrintProcessor - - "
     "RpcEnumPrintProcessorDatatypes RpcResetPrinter RpcGetPrinterDriver2 - - "
     "RpcFindClosePrinterChangeNotification - RpcReplyOpenPrinter RpcRouterReplyPrinter RpcReplyClosePrinter "
     "RpcAddPortEx RpcRemoteFindFirstPrinterChangeNotification - - RpcRemoteFindFirstPrinterChangeNotificationEx "
     "RpcRouterReplyPrinterEx RpcRouterRefreshPrinterChangeNotification - RpcOpenPrinterEx RpcAddPrinterEx "
     "RpcSetPort RpcEnumPrinterData RpcDeletePrinterData - - - RpcSetPrinterDataEx RpcGetPrinterDataEx "
     "RpcEnumPrinterDataEx RpcEnumPrinterKey RpcDeletePrinterDataEx RpcDeletePrinterKey - "
     "RpcDeletePrinterDriverEx RpcAddPerMachineConnection RpcDeletePerMachineConnection "
     "RpcEnumPerMachineConnections RpcXcvData RpcAddPrinterDriverEx - - - - - - - RpcSendRecvBidiData - - - - "
     "RpcGetCorePrinterDrivers - RpcGetPrinterDriverPackagePath - - - - - RpcGetJobNamedPropertyValue "
     "RpcSetJobNamedProperty RpcDeleteJobNamedProperty RpcEnumJobNamedProperties - - "
     "RpcLogJobInfoForBranchOffice RpcRegeneratePrintDeviceCapabilities"},
    {"76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool", "MS-PAR", 1,
     "RpcAsyncOpenPrinter RpcAsyncAddPrinter RpcAsyncSetJob RpcAsyncGetJob RpcAsyncEnumJobs RpcAsyncAddJob "
     "RpcAsyncScheduleJob RpcAsyncDeletePrinter RpcAsyncSetPrinter RpcAsyncGetPrinter RpcAsyncStartDocPrinter "
     "RpcAsyncStartPagePrinter RpcAsyncWritePrinter RpcAsyncEndPagePrinter RpcAsyncEndDocPrinter "
     "RpcAsyncAbortPrinter RpcAsyncGetPrinterData RpcAsyncGetPrinterDataEx RpcAsyncSetPrinterData "
     "RpcAsyncSetPrinterDataEx RpcAsyncClosePrinter RpcAsyncAddForm RpcAsyncDeleteForm RpcAsyncGetForm "
     "RpcAsyncSetForm RpcAsyncEnumForms RpcAsyncGetPrinterDriver RpcAsyncEnumPrinterData "
     "RpcAsyncEnumPrinterDataEx RpcAsyncEnumPrinterKey RpcAsyncDeletePrinterData RpcAsyncDeletePrinterDataEx "
     "RpcAsyncDeletePrinterKey RpcAsyncXcvData RpcAsyncSendRecvBidiData RpcAsyncCreatePrinterIC "
     "RpcAsyncPlayGdiScriptOnPrinterIC RpcAsyncDeletePrinterIC RpcAsyncEnumPrinters RpcAsyncAddPrinterDriver "
     "RpcAsyncEnumPrinterDrivers RpcAsyncGetPrinterDriverDirectory RpcAsyncDeletePrinterDriver "
     "RpcAsyncDeletePrinterDriverEx RpcAsyncAddPrintProcessor RpcAsyncEnumPrintProcessors "
     "RpcAsyncGetPrintProcessorDirectory RpcAsyncEnumPorts RpcAsyncEnumMonitors RpcAsyncAddPort RpcAsyncSetPort "
     "RpcAsyncAddMonitor RpcAsyncDeleteMonitor RpcAsyncDeletePrintProcessor RpcAsyncEnumPrintProcessorDatatypes "
     "RpcAsyncAddPerMachineConnection RpcAsyncDeletePerMachineConnection RpcAsyncEnumPerMachineConnections "
     "RpcSyncRegisterForRemoteNotifications RpcSyncUnRegisterForRemoteNotifications "
     "RpcSyncRefreshRemoteNotifications RpcAsyncGetRemoteNotifications RpcAsyncInstallPrinterDriverFromPackage "
     "RpcAsyncUploadPrinterDriverPackage RpcAsyncGetCorePrinterDrivers RpcAsyncCorePrinterDriverInstalled "
     "RpcAsyncGetPrinterDriverPackagePath RpcAsyncDeletePrinterDriverPackage RpcAsyncReadPrinter "
     "RpcAsyncResetPrinter RpcAsyncGetJobNamedPropertyValue RpcAsyncSetJobNamedProperty "
     "RpcAsyncDeleteJobNamedProperty RpcAsyncEnumJobNamedProperties RpcAsyncLogJobInfoForBranchOffice"},
    {"ae33069b-a2a8-46ee-a235-ddfd339be281", "IRPCRemoteObject", "MS-PAN", 1,
     "IRPCRemoteObject_Create IRPCRemoteObject_Delete"},
    {"0b6edbfa-4a24-4fc6-8a23-942b1eca65d1", "IRPCAsyncNotify", "MS-PAN", 1,
     "IRPCAsyncNotify_RegisterClient IRPCAsyncNotify_UnregisterClient - IRPCAsyncNotify_GetNewChannel "
     "IRPCAsyncNotify_GetNotificationSendResponse IRPCAsyncNotify_GetNotification IRPCAsyncNotify_CloseChannel"},
#define EFSRPC \
     "EfsRpcOpenFileRaw EfsRpcReadFileRaw EfsRpcWriteFileRaw EfsRpcCloseRaw EfsRpcEncryptFileSrv " \
     "EfsRpcDecryptFileSrv EfsRpcQueryUsersOnFile EfsRpcQueryRecoveryAgents EfsRpcRemoveUsersFromFile " \
     "EfsRpcAddUsersToFile - EfsRpcNotSupported EfsRpcFileKeyInfo EfsRpcDuplicateEncryptionInfoFile - " \
     "EfsRpcAddUsersToFileEx EfsRpcFileKeyInfoEx - EfsRpcGetEncryptedFileMetadata " \
     "EfsRpcSetEncryptedFileMetadata EfsRpcFlushEfsCache EfsRpcEncryptFileExSrv EfsRpcQueryProtectors"
    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc", "MS-EFSR", 1, EFSRPC},
    {"df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc", "MS-EFSR", 1, EFSRPC},
#undef EFSRPC
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "dfsnm", "MS-DFSNM", 3,
     "NetrDfsManagerGetVersion NetrDfsAdd NetrDfsRemove NetrDfsSetInfo NetrDfsGetInfo NetrDfsEnum NetrDfsMove - - - "
     "NetrDfsAddFtRoot NetrDfsRemoveFtRoot NetrDfsAddStdRoot NetrDfsRemoveStdRoot NetrDfsManagerInitialize "
     "NetrDfsAddStdRootForced NetrDfsGetDcAddress NetrDfsSetDcAddress NetrDfsFlushFtTable NetrDfsAdd2 "
     "NetrDfsRemove2 NetrDfsEnumEx NetrDfsSetInfo2 NetrDfsAddRootTarget NetrDfsRemoveRootTarget "
     "NetrDfsGetSupportedNamespaceVersion"},
    {"a8e0653c-2744-4389-a61d-7373df8b2292", "fsrvp", "MS-FSRVP", 1,
     "GetSupportedVersion SetContext StartShadowCopySet AddToShadowCopySet CommitShadowCopySet "
     "ExposeShadowCopySet RecoveryCompleteShadowCopySet AbortShadowCopySet IsPathSupported IsPathShadowCopied "
     "GetShareMapping DeleteShareMapping PrepareShadowCopySet"},
    {"91ae6020-9e3c-11cf-8d7c-00aa00c091be", "icpr", "MS-ICPR", 0, "CertServerRequest"},
    {"d99e6e70-fc88-11d0-b498-00a0c90312f3", "ICertRequestD", "MS-WCCE", 0, "- - - Request GetCACert Ping"},
    {"5422fd3a-d4b8-4cef-a12e-e87d4ca22e90", "ICertRequestD2", "MS-WCCE", 0,
     "- - - Request GetCACert Ping Request2 GetCAProperty GetCAPropertyInfo Ping2"},
#define CERTADMIN \
     "- - - SetExtension SetAttributes ResubmitRequest DenyRequest IsValidCertificate PublishCRL GetCRL " \
     "RevokeCertificate EnumViewColumn GetViewDefaultColumnSet EnumAttributesOrExtensions OpenView EnumView " \
     "CloseView ServerControl Ping GetServerState BackupPrepare BackupEnd BackupGetAttachmentInformation " \
     "BackupGetBackupLogs BackupOpenFile BackupReadFile BackupCloseFile BackupTruncateLogs ImportCertificate " \
     "BackupGetDynamicFiles RestoreGetDatabaseLocations"
    {"d99e6e71-fc88-11d0-b498-00a0c90312f3", "ICertAdminD", "MS-CSRA", 0, CERTADMIN},
    {"7fe0d935-dda6-443f-85d0-1cfb58fe41dd", "ICertAdminD2", "MS-CSRA", 0,
     CERTADMIN " PublishCRLs GetCAProperty SetCAProperty GetCAPropertyInfo EnumViewColumnTable GetCASecurity "
     "SetCASecurity Ping2 GetArchivedKey GetAuditFilter SetAuditFilter GetOfficerRights SetOfficerRights "
     "GetConfigEntry SetConfigEntry ImportKey GetMyRoles DeleteRow"},
#undef CERTADMIN
    {"3dde7c30-165d-11d1-ab8f-00805f14db40", "BackupKey", "MS-BKRP", 1, "BackuprKey"},
    {"c9378ff1-16f7-11d0-a0b2-00aa0061426a", "protected_storage", "", 1, ""},
    {"894de0c0-0d55-11d3-a322-00c04fa321a1", "InitShutdown", "MS-RSP", 1,
     "BaseInitiateShutdown BaseAbortShutdown BaseInitiateShutdownEx"},
    {"d95afe70-a6d5-4259-822e-2c84da1ddb0d", "WindowsShutdown", "MS-RSP", 1, "WsdrInitiateShutdown WsdrAbortShutdown"},
    {"6bffd098-a112-3610-9833-46c3f874532d", "dhcpsrv", "MS-DHCPM", 1,
     "DhcpCreateSubnet DhcpSetSubnetInfo DhcpGetSubnetInfo DhcpEnumSubnets DhcpAddSubnetElement "
     "DhcpEnumSubnetElements DhcpRemoveSubnetElement DhcpDeleteSubnet DhcpCreateOption DhcpSetOptionInfo "
     "DhcpGetOptionInfo DhcpRemoveOption DhcpSetOptionValue DhcpGetOptionValue DhcpEnumOptionValues "
     "DhcpRemoveOptionValue DhcpCreateClientInfo DhcpSetClientInfo DhcpGetClientInfo DhcpDeleteClientInfo "
     "DhcpEnumSubnetClients DhcpGetClientOptions DhcpGetMibInfo DhcpEnumOptions DhcpSetOptionValues "
     "DhcpServerSetConfig DhcpServerGetConfig DhcpScanDatabase DhcpGetVersion DhcpAddSubnetElementV4 "
     "DhcpEnumSubnetElementsV4 DhcpRemoveSubnetElementV4 DhcpCreateClientInfoV4 DhcpSetClientInfoV4 "
     "DhcpGetClientInfoV4 DhcpEnumSubnetClientsV4 DhcpSetSuperScopeV4 DhcpGetSuperScopeInfoV4 "
     "DhcpDeleteSuperScopeV4 DhcpServerSetConfigV4 DhcpServerGetConfigV4 DhcpServerSetConfigVQ "
     "DhcpServerGetConfigVQ DhcpGetMibInfoVQ"},
    {"5b821720-f63b-11d0-aad2-00c04fc324db", "dhcpsrv2", "MS-DHCPM", 1,
     "DhcpEnumSubnetClientsV5 DhcpSetMScopeInfo DhcpGetMScopeInfo DhcpEnumMScopes DhcpAddMScopeElement "
     "DhcpEnumMScopeElements DhcpRemoveMScopeElement DhcpDeleteMScope DhcpScanMDatabase DhcpCreateMClientInfo "
     "DhcpSetMClientInfo DhcpGetMClientInfo DhcpDeleteMClientInfo DhcpEnumMScopeClients DhcpCreateOptionV5 "
     "DhcpSetOptionInfoV5 DhcpGetOptionInfoV5 DhcpEnumOptionsV5 DhcpRemoveOptionV5 DhcpSetOptionValueV5 "
     "DhcpSetOptionValuesV5 DhcpGetOptionValueV5 DhcpEnumOptionValuesV5 DhcpRemoveOptionValueV5 DhcpCreateClass "
     "DhcpModifyClass DhcpDeleteClass DhcpGetClassInfo DhcpEnumClasses DhcpGetAllOptions DhcpGetAllOptionValues "
     "DhcpGetMCastMibInfo DhcpAuditLogSetParams DhcpAuditLogGetParams DhcpServerQueryAttribute "
     "DhcpServerQueryAttributes DhcpServerRedoAuthorization DhcpAddSubnetElementV5 DhcpEnumSubnetElementsV5 "
     "DhcpRemoveSubnetElementV5 DhcpGetServerBindingInfo DhcpSetServerBindingInfo DhcpQueryDnsRegCredentials "
     "DhcpSetDnsRegCredentials DhcpBackupDatabase DhcpRestoreDatabase"},
    {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "dnsserver", "MS-DNSP", 5,
     "DnssrvOperation DnssrvQuery DnssrvComplexOperation DnssrvEnumRecords DnssrvUpdateRecord DnssrvOperation2 "
     "DnssrvQuery2 DnssrvComplexOperation2 DnssrvEnumRecords2 DnssrvUpdateRecord2"},
    {"4da1c422-943d-11d1-acae-00c04fc2aa3f", "trksvr", "MS-DLTM", 1, "LnkSvrMessage LnkSvrMessageCallback"},
    {"300f3532-38cc-11d0-a3f0-0020af6b0add", "trkwks", "MS-DLTW", 1, "- - - - - - - - - - - - LnkSearchMachine"},
    {"17fdd703-1827-4e34-79d4-24a55c53bb37", "msgsvc", "MS-MSRP", 1,
     "NetrMessageNameAdd NetrMessageNameEnum NetrMessageNameGetInfo NetrMessageNameDel"},
    {"5a7b91f8-ff00-11d0-a9b2-00c04fb6e6fc", "msgsvcsend", "MS-MSRP", 1, "NetrSendMessage"},
    {"484809d6-4239-471b-b5bc-61df8c23ac48", "TermSrvSession", "MS-TSTS", 1,
     "RpcOpenSession RpcCloseSession RpcConnect RpcDisconnect RpcLogoff RpcGetUserName RpcGetTerminalName "
     "RpcGetState RpcIsSessionDesktopLocked RpcShowMessageBox RpcGetTimes RpcGetSessionCounters "
     "RpcGetSessionInformation - RpcGetLoggedOnCount RpcGetSessionType RpcGetSessionInformationEx"},
    {"88143fd0-c28d-4b2b-8fef-8d882f6a9390", "TermSrvEnumeration", "MS-TSTS", 1,
     "RpcOpenEnum RpcCloseEnum RpcFilterByState RpcFilterByCallersName RpcEnumAddFilter RpcGetEnumResult "
     "RpcFilterBySessionType - RpcGetSessionIds RpcGetEnumResultEx RpcGetAllSessions RpcGetAllSessionsEx"},
    {"11899a43-2b68-4a76-92e3-a3d6ad8c26ce", "TermSrvNotification", "MS-TSTS", 1,
     "RpcWaitForSessionState RpcRegisterAsyncNotification RpcWaitAsyncNotification RpcUnRegisterAsyncNotification"},
    {"bde95fdf-eec0-45de-9e12-e5a61cd0d4fe", "RCMPublic", "MS-TSTS", 1,
     "RpcGetClientData RpcGetConfigData RpcGetProtocolStatus RpcGetLastInputTime RpcGetRemoteAddress - - - "
     "RpcGetAllListeners RpcGetSessionProtocolLastInputTime RpcGetUserCertificates RpcQuerySessionData"},
    {"5ca4a760-ebb1-11cf-8611-00a0245420ed", "winstation_rpc", "MS-TSTS", 1,
     "RpcWinStationOpenServer RpcWinStationCloseServer RpcIcaServerPing RpcWinStationEnumerate "
     "RpcWinStationRename RpcWinStationQueryInformation RpcWinStationSetInformation RpcWinStationSendMessage "
     "RpcLogonIdFromWinStationName RpcWinStationNameFromLogonId RpcWinStationConnect - - RpcWinStationDisconnect "
     "RpcWinStationReset RpcWinStationShutdownSystem RpcWinStationWaitSystemEvent RpcWinStationShadow"},
    {"d6d70ef0-0e3b-11cb-acc3-08002b1d29c3", "NsiS", "MS-RPCL", 1,
     "nsi_binding_export nsi_binding_unexport nsi_binding_export_name nsi_binding_unexport_name"},
    {"d3fbb514-0e3b-11cb-8fad-08002b1d29c3", "NsiC", "MS-RPCL", 1,
     "nsi_binding_lookup_begin nsi_binding_lookup_done nsi_binding_lookup_next nsi_mgmt_handle_set_exp_age"},
    {"d6d70ef0-0e3b-11cb-acc3-08002b1d29c4", "NsiM", "MS-RPCL", 1, ""},
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter", "MS-DCOM", 0,
     "ResolveOxid SimplePing ComplexPing ServerAlive ResolveOxid2 ServerAlive2"},
    {"4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "IActivation", "MS-DCOM", 0, "RemoteActivation"},
    {"000001a0-0000-0000-c000-000000000046", "IRemoteSCMActivator", "MS-DCOM", 0,
     "- - - RemoteGetClassObject RemoteCreateInstance"},
    {"00000000-0000-0000-c000-000000000046", "IUnknown", "MS-DCOM", 0, "QueryInterface AddRef Release"},
    {"00000001-0000-0000-c000-000000000046", "IClassFactory", "MS-DCOM", 0, "- - - CreateInstance LockServer"},
    {"00000131-0000-0000-c000-000000000046", "IRemUnknown", "MS-DCOM", 0,
     "- - - RemQueryInterface RemAddRef RemRelease"},
    {"00000143-0000-0000-c000-000000000046", "IRemUnknown2", "MS-DCOM", 0,
     "- - - RemQueryInterface RemAddRef RemRelease RemQueryInterface2"},
    {"00020400-0000-0000-c000-000000000046", "IDispatch", "MS-OAUT", 0,
     "- - - GetTypeInfoCount GetTypeInfo GetIDsOfNames Invoke"},
    {"00020401-0000-0000-c000-000000000046", "ITypeInfo", "MS-OAUT", 0,
     "- - - GetTypeAttr GetTypeComp GetFuncDesc GetVarDesc GetNames GetRefTypeOfImplType GetImplTypeFlags - - "
     "GetDocumentation GetDllEntry GetRefTypeInfo - CreateInstance GetMops GetContainingTypeLib"},
    {"00020402-0000-0000-c000-000000000046", "ITypeLib", "MS-OAUT", 0,
     "- - - GetTypeInfoCount GetTypeInfo GetTypeInfoType GetTypeInfoOfGuid GetLibAttr GetTypeComp "
     "GetDocumentation IsName FindName"},
    {"00020404-0000-0000-c000-000000000046", "IEnumVARIANT", "MS-OAUT", 0, "- - - Next Skip Reset Clone"},
    {"b196b283-bab4-101a-b69c-00aa00341d07", "IProvideClassInfo", "", 0, "- - - GetClassInfo"},
    {"d4781cd6-e5d3-44df-ad94-930efe48a887", "IWbemLoginClientID", "MS-WMI", 0, "- - - SetClientInfo"},
    {"f309ad18-d86a-11d0-a075-00c04fb68820", "IWbemLevel1Login", "MS-WMI", 0,
     "- - - EstablishPosition RequestChallenge WBEMLogin NTLMLogin"},
    {"9f6c78ef-fce5-42fa-abea-3e7df91921dc", "IWbemLoginClientIDEx", "MS-WMI", 0, "- - - SetClientInfoEx"},
    {"541679ab-2e5f-11d3-b34e-00104bcc4b4a", "IWbemLoginHelper", "MS-WMI", 0, "- - - SetEvent"},
    {"9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices", "MS-WMI", 0,
     "- - - OpenNamespace CancelAsyncCall QueryObjectSink GetObject GetObjectAsync PutClass PutClassAsync "
     "DeleteClass DeleteClassAsync CreateClassEnum CreateClassEnumAsync PutInstance PutInstanceAsync "
     "DeleteInstance DeleteInstanceAsync CreateInstanceEnum CreateInstanceEnumAsync ExecQuery ExecQueryAsync "
     "ExecNotificationQuery ExecNotificationQueryAsync ExecMethod ExecMethodAsync"},
    {"027947e1-d731-11ce-a357-000000000001", "IEnumWbemClassObject", "MS-WMI", 0,
     "- - - Reset Next NextAsync Clone Skip"},
    {"1c1c45ee-4395-11d2-b60b-00104b703efd", "IWbemFetchSmartEnum", "MS-WMI", 0, "- - - GetSmartEnum"},
    {"423ec01e-2e35-11d2-b604-00104b703efd", "IWbemWCOSmartEnum", "MS-WMI", 0, "- - - Next"},
    {"44aca675-e8fc-11d0-a07c-00c04fb68820", "IWbemCallResult", "MS-WMI", 0,
     "- - - GetResultObject GetResultString GetResultServices GetCallStatus"},
    {"7c857801-7381-11cf-884d-00aa004b2e24", "IWbemObjectSink", "MS-WMI", 0, "- - - Indicate SetStatus"},
    {"c49e32c7-bc8b-11d2-85d4-00105a1f8304", "IWbemBackupRestore", "MS-WMI", 0, "- - - Backup Restore"},
    {"a359dec5-e813-4834-8a2a-ba7f1d777d76", "IWbemBackupRestoreEx", "MS-WMI", 0, "- - - Backup Restore Pause Resume"},
    {"2c9273e0-1dc3-11d3-b364-00105a1f8177", "IWbemRefreshingServices", "MS-WMI", 0,
     "- - - AddObjectToRefresher AddObjectToRefresherByTemplate AddEnumToRefresher RemoveObjectFromRefresher "
     "GetRemoteRefresher ReconnectRemoteRefresher"},
    {"f1e9c5b2-f59b-11d2-b362-00105a1f8177", "IWbemRemoteRefresher", "MS-WMI", 0, "- - - RemoteRefresh StopRefreshing"},
    {"b7b31df9-d515-11d3-a11c-00105a1f515a", "IWbemShutdown", "MS-WMI", 0, "- - - Shutdown"},
    {"c3fcc19e-a970-11d2-8b5a-00a0c9b7c9c4", "IManagedObject", "MS-IOI", 0,
     "- - - GetSerializedBuffer GetObjectIdentity"},
    {"e0393303-90d4-4a97-ab71-e9b671ee2729", "IVdsServiceLoader", "MS-VDS", 0, "- - - LoadService"},
    {"fa7df749-66e7-4986-a27f-e2f04ae53772", "IVssSnapshotMgmt", "MS-SCMP", 0,
     "- - - GetProviderMgmtInterface QueryVolumesSupportedForSnapshots QuerySnapshotsByVolume"},
    {"897e2e5f-93f3-4376-9c9c-fd2277495c27", "FrsTransport", "MS-FRS2", 1,
     "CheckConnectivity EstablishConnection EstablishSession RequestUpdates RequestVersionVector AsyncPoll "
     "RequestRecords UpdateCancel RawGetFileData RdcGetSignatures RdcPushSourceNeeds RdcGetFileData RdcClose "
     "InitializeFileTransferAsync - RawGetFileDataAsync RdcGetFileDataAsync"},
    {"f5cc59b4-4264-101a-8c59-08002b2f8426", "FrsRpc", "MS-FRS1", 1,
     "FrsRpcSendCommPkt FrsRpcVerifyPromotionParent FrsRpcStartPromotionParent FrsNOP - - - - - - "
     "FrsRpcVerifyPromotionParentEx"},
    {"ccd8c074-d0e5-4a40-92b4-d074faa6ba28", "Witness", "MS-SWN", 1,
     "WitnessrGetInterfaceList WitnessrRegister WitnessrUnRegister WitnessrAsyncNotify WitnessrRegisterEx"},
    {"8fb6d884-2388-11d0-8c35-00c04fda2795", "W32Time", "MS-W32T", 4,
     "W32TimeSync W32TimeGetNetlogonServiceBits W32TimeQueryProviderStatus W32TimeQuerySource "
     "W32TimeQueryProviderConfiguration W32TimeQueryConfiguration W32TimeQueryStatus W32TimeLog"},
    {"f5cc5a18-4264-101a-8c59-08002b2f8426", "nspi", "MS-OXNSPI", 56,
     "NspiBind NspiUnbind NspiUpdateStat NspiQueryRows NspiSeekEntries NspiGetMatches NspiResortRestriction "
     "NspiDNToMId NspiGetPropList NspiGetProps NspiCompareMIds NspiModProps NspiGetSpecialTable "
     "NspiGetTemplateInfo NspiModLinkAtt - NspiQueryColumns - - NspiResolveNames "
     "NspiResolveNamesW"},
    {"1544f5e0-613c-11d1-93df-00c04fd7bd09", "rfr", "MS-OXABREF", 1, "RfrGetNewDSA RfrGetFQDNFromServerDN"},
    {"a4f1db00-ca47-1067-b31f-00dd010662da", "emsmdb", "MS-OXCRPC", 0,
     "- EcDoDisconnect - - EcRRegisterPushNotification - EcDummyRpc - - - EcDoConnectEx EcDoRpcExt2 - - "
     "EcDoAsyncConnectEx"},
    {"5261574a-4572-206e-b268-6b199213b4e4", "AsyncEMSMDB", "MS-OXCRPC", 0, "EcDoAsyncWaitEx"},
    {"51c82175-844e-4750-b0d8-ec255555bc06", "KMS", "", 1, ""},
    {"8d9f4e40-a03d-11ce-8f69-08003e30051b", "pnp", "", 1, ""},
    {"12b81e99-f207-4a4c-85d3-77b42f76fd14", "ISeclogon", "", 1, ""},
    {"3473dd4d-2e88-4006-9cba-22570909dd10", "WinHttpAutoProxy", "", 5, ""},
    {"b97db8b2-4c63-11cf-bff6-08002be23f2f", "clusapi", "MS-CMRP", 3, ""},
    {"8f09f000-b7ed-11ce-bbd2-00001a181cad", "rras", "MS-RRASM", 0, ""},
    {"57674cd0-5200-11ce-a897-08002b2e9c6d", "lls_license", "", 1, ""},
    {"342cfd40-3c6c-11ce-a893-08002b2e9c6d", "llsrpc", "MS-LLSRP", 1, ""},
    {"2f5f3220-c126-1076-b549-074d078619da", "nddeapi", "", 1, ""},
    {"17fc11e9-c258-4b8d-8d07-2f4125156244", "MimiCom", "", 1, "MimiBind MimiUnbind MimiCommand MimiClear"},
};
/* clang-format on */

/* Pipes that serve one interface. */
static const struct {
    const char *pipe, *iface;
} pipes[] = {
    {"svcctl", "svcctl"},
    {"samr", "samr"},
    {"lsarpc", "lsarpc"},
    {"netlogon", "netlogon"},
    {"spoolss", "spoolss"},
    {"atsvc", "atsvc"},
    {"srvsvc", "srvsvc"},
    {"wkssvc", "wkssvc"},
    {"winreg", "winreg"},
    {"efsrpc", "efsrpc"},
    {"eventlog", "eventlog"},
    {"netdfs", "dfsnm"},
    {"fssagentrpc", "fsrvp"},
    {"initshutdown", "InitShutdown"},
    {"epmapper", "epm"},
    {"dnsserver", "dnsserver"},
    {"trksvr", "trksvr"},
    {"trkwks", "trkwks"},
    {"msgsvc", "msgsvc"},
    {"browser", "browser"},
    {"dhcpserver", "dhcpsrv"},
    {"cert", "icpr"},
    {"ctx_winstation_api_service", "winstation_rpc"},
};

/* Classes that are started on other machines, well or ill. */
static const struct {
    const char *clsid, *name;
} classes[] = {
    {"8bc3f05e-d86b-11d0-a075-00c04fb68820", "WbemLevel1Login"},
    {"49b2791a-b1ae-4c90-9b8e-e860ba07f889", "MMC20.Application"},
    {"9ba05972-f6a8-11cf-a442-00a0c90a8f39", "ShellWindows"},
    {"c08afd90-f2a1-11d1-8455-00a0c91f3880", "ShellBrowserWindow"},
    {"00024500-0000-0000-c000-000000000046", "Excel.Application"},
    {"000209ff-0000-0000-c000-000000000046", "Word.Application"},
    {"0006f03a-0000-0000-c000-000000000046", "Outlook.Application"},
    {"91493441-5a91-11cf-8700-00aa0060263b", "PowerPoint.Application"},
    {"00021a20-0000-0000-c000-000000000046", "Visio.Application"},
    {"0002df01-0000-0000-c000-000000000046", "InternetExplorer.Application"},
    {"13709620-c279-11ce-a49e-444553540000", "Shell.Application"},
    {"72c24dd5-d70a-438b-8a42-98424b88afb8", "WScript.Shell"},
    {"3050f4d8-98b5-11cf-bb82-00aa00bdce0b", "htafile"},
    {"06290bd3-48aa-11d2-8432-006008c3fbfc", "scriptletfile"},
    {"0f87369f-a4e5-4cfc-bd3e-73e6154572dd", "Schedule.Service"},
    {"9c38ed61-d565-4728-aeee-c80952f0ecde", "VDS.ServiceLoader"},
    {"0b5a2c52-3eb9-470a-96e2-6c6d4570e40f", "VssSnapshotMgmt"},
    {"d99e6e73-fc88-11d0-b498-00a0c90312f3", "CertificateAuthority.Admin"},
    {"d99e6e74-fc88-11d0-b498-00a0c90312f3", "CertificateAuthority.Request"},
    {"4cb43d7f-7eee-4906-8698-60da1c38f2fe", "Microsoft.Update.Session"},
    {"f618c514-dfb8-11d1-a2cf-00805fc79235", "COMAdmin.COMAdminCatalog"},
};

const struct dce_iface *dce_iface_find(struct kd_bytes uuid)
{
    for (size_t i = 0; i < KD_COUNT(ifaces); i++)
        if (kd_bytes_eq_str(uuid, ifaces[i].uuid))
            return &ifaces[i];
    return NULL;
}

const struct dce_iface *dce_iface_named(const char *name)
{
    for (size_t i = 0; i < KD_COUNT(ifaces); i++)
        if (kd_str_eq(name, ifaces[i].name))
            return &ifaces[i];
    return NULL;
}

/* Where the n-th word begins (the first is 0), or b.n.  Eight bytes at a time, for guessing asks for many. */
static size_t word_at(struct kd_bytes b, unsigned n)
{
    const uint64_t each = UINT64_C(0x0101010101010101), low = each * 0x7f;
    size_t i = 0;
    for (; n > 0 && i + sizeof(uint64_t) <= b.n; i += sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, b.p + i, sizeof(w));
        w ^= each * ' ';
        uint64_t spaces = ~(((w & low) + low) | w | low) >> 7;
        unsigned here = (unsigned)(spaces * each >> 56);
        if (here >= n)
            break;
        n -= here;
    }
    for (; n > 0 && i < b.n; i++)
        n -= b.p[i] == ' ';
    return i;
}

struct kd_bytes dce_operation(const struct dce_iface *iface, uint16_t opnum)
{
    struct kd_bytes rest = kd_str(iface != NULL ? iface->operations : "");
    rest = kd_bytes_from(rest, word_at(rest, opnum));
    struct kd_bytes name = kd_bytes_cut(&rest, ' ');
    return kd_bytes_eq_str(name, "-") ? (struct kd_bytes){NULL, 0} : name;
}

const struct dce_iface *dce_iface_of_pipe(struct kd_bytes pipe)
{
    for (size_t i = 0; i < KD_COUNT(pipes); i++)
        if (kd_bytes_ieq(pipe, kd_str(pipes[i].pipe)))
            return dce_iface_named(pipes[i].iface);
    return NULL;
}

struct kd_bytes dce_class_name(struct kd_bytes clsid)
{
    for (size_t i = 0; i < KD_COUNT(classes); i++)
        if (kd_bytes_eq_str(clsid, classes[i].clsid))
            return kd_str(classes[i].name);
    return (struct kd_bytes){NULL, 0};
}

void dce_uuid_text(struct kd_bytes wire, bool big, char ret[DCE_UUID_TEXT])
{
    static const uint8_t little[DCE_UUID] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    struct kd_out o = kd_out_of(ret, DCE_UUID_TEXT);
    static const uint8_t parts[] = {4, 2, 2, 2, 6};
    uint8_t b[DCE_UUID];
    for (unsigned i = 0; i < DCE_UUID; i++)
        b[i] = kd_bytes_at(wire, big ? i : little[i]);
    for (unsigned i = 0, at = 0; i < KD_COUNT(parts); at += parts[i++]) {
        if (i > 0)
            kd_out_u8(&o, '-');
        kd_out_hex(&o, kd_bytes_of(b + at, parts[i]));
    }
}
