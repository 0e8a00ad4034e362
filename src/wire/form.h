/* SPDX-License-Identifier: Apache-2.0 */
/* Forms in which EVE tells what our records keep otherwise: schema/records.toml names them ("u8:hex8", "as:bit1"),
 * tools/schema_gen.py lists them.  What is cheap to derive is derived here and not stored. */
#ifndef KD_WIRE_FORM_H
#define KD_WIRE_FORM_H

#include "wire/schema.h"

kd_form kd_form_age;         /* spans of a flow record: seconds by the clock */
kd_form kd_form_hex8;        /* "1b" */
kd_form kd_form_hex16;       /* "8180" */
kd_form kd_form_bit0;        /* true, or nothing: a bit of a number */
kd_form kd_form_bit1;
kd_form kd_form_bit2;
kd_form kd_form_bit3;
kd_form kd_form_bit4;
kd_form kd_form_bit6;
kd_form kd_form_bit15;
kd_form kd_form_utc;         /* a time of certificates: "2026-11-22T08:30:00", in UTC */
kd_form kd_form_angle;       /* "<a@example.jp>" */
kd_form kd_form_angles;      /* a list of such */
kd_form kd_form_one;         /* a text as a list of one */
kd_form kd_form_yes_no;      /* "yes" for what is not zero */
kd_form kd_form_or_none;     /* a text, "<none>" for an empty one */
kd_form kd_form_weak_cipher; /* of a Kerberos cipher's name */
kd_form kd_form_failed_request; /* Kerberos: what an error answers */
kd_form kd_form_ntlm_version; /* "10.0 build 10586 rev 15" */
kd_form kd_form_smb_status;  /* "0xc0000022", of SMB 1 perhaps "0x005b" */
kd_form kd_form_smb_status_name; /* … by name, of SMB 1 perhaps "SRV_BADUID" */
kd_form kd_form_smb_dialect; /* … "unknown" where its agreement was not seen */
kd_form kd_form_smb_file_id; /* 16 bytes as EVE has them: all its parts are numbers, least byte first */
kd_form kd_form_smb_size;    /* … 0 too, of what was opened */
kd_form kd_form_smb_opened;  /* … a time, 0 too, of what was opened */
kd_form kd_form_pipe_share;  /* SMB: a share that holds named pipes */
kd_form kd_form_renamed;     /* … the name before */
kd_form kd_form_open_kind;   /* … normal, delete on close: of what was opened */
kd_form kd_form_guid;        /* 16 bytes as a GUID */
kd_form kd_form_rpc_request; /* DCE/RPC: kinds of messages */
kd_form kd_form_rpc_response;
kd_form kd_form_rpc_call;    /* … a number of a call, 0 too */
kd_form kd_form_rpc_sequence; /* … 0 too, of calls over UDP */
kd_form kd_form_of_request;  /* … a number of a call within another protocol, 0 too */
kd_form kd_form_of_response; /* … of its answer */
kd_form kd_form_rpc_id;      /* ONC RPC: a user's number, 0 too */
kd_form kd_form_nfs_type;    /* NFS: "response" */
kd_form kd_form_rpc_interfaces;   /* … [{"uuid":…,"version":…}] */
kd_form kd_form_rpc_answer_bytes; /* … of an answer that was seen */
kd_form kd_form_part_names;       /* names of a mail's parts */
kd_form kd_form_range_first; /* of "bytes 5-9/20" (RFC 9110, 14.4) */
kd_form kd_form_range_last;
kd_form kd_form_range_total;
kd_form kd_form_range_end;        /* last byte of a range of a file */
kd_form kd_form_flow_state;  /* new, established, closed */
kd_form kd_form_flow_reason; /* timeout, forced, shutdown */
kd_form kd_form_tcp_state;   /* of a flow record: syn_sent … closed */
kd_form kd_form_icmp;        /* a number of ICMP, 0 too */
kd_form kd_form_icmp_reply;  /* type or code of the answer that was seen */
kd_form kd_form_in_tx;       /* number of a transaction, when it is one's */
kd_form kd_form_of_frame;    /* a number of the frame a match is about, 0 too */
kd_form kd_form_frame_whole; /* … whether all of it was seen, false too */
kd_form kd_form_json;        /* a text that is JSON, as it stands */
kd_form kd_form_frame_text;  /* … its data, and how much is missing behind it */
kd_form kd_form_word;           /* a text up to its first space */
kd_form kd_form_count;          /* a number, 0 too */
kd_form kd_form_link_name;      /* kind of frame, by name */
kd_form kd_form_client_ip;      /* ends of a match's conversation, whichever way its packet went */
kd_form kd_form_server_ip;
kd_form kd_form_client_port;
kd_form kd_form_server_port;
kd_form kd_form_app_flows;      /* stats: {"http":3} */
kd_form kd_form_app_tx;
kd_form kd_form_app_errors;     /* … {"http":{"parser":0}} */
kd_form kd_form_odd_events;     /* … {"ipv4":{"trunc_pkt":1}} */
kd_form kd_form_avg_size;       /* … of packets */
kd_form kd_form_rule_engines;   /* … [{"id":0,"rules_loaded":3,…}] */
kd_form kd_form_event_name;     /* of an anomaly: capitals where EVE has them */
kd_form kd_form_proto_parser;   /* "proto_parser", of what was found in a protocol */
kd_form kd_form_mac_list;       /* a link address as a list of one */
kd_form kd_form_outer_app;      /* of a flow record that went over to another protocol: the first */
kd_form kd_form_flowbits;       /* names of flow bits, but those called traffic/… */
kd_form kd_form_traffic_id;     /* … those called traffic/id/…, without that */
kd_form kd_form_traffic_label;
kd_form kd_form_base64;
kd_form kd_form_printable;      /* bytes as text, dots for what is none */
kd_form kd_form_bytes;          /* text that may be no UTF-8: then "\\xa0" for what is not ASCII */
kd_form kd_form_arp_target;     /* ARP: a link address, 00:00:00:00:00:00 too */
kd_form kd_form_arp_hardware;   /* … "ethernet" */
kd_form kd_form_arp_protocol;   /* … "ipv4" */
kd_form kd_form_dns_version;    /* DNS: EVE's version 3 */
kd_form kd_form_queries;        /* … what was asked for: [{"rrname":…,"rrtype":…}] */
kd_form kd_form_grouped;        /* … values by type: {"A":[…]} */
kd_form kd_form_soa;            /* … parts of a value, by name */
kd_form kd_form_srv;
kd_form kd_form_sshfp;
kd_form kd_form_no_yes;         /* 1: false, 2: true; 0 is not told */
kd_form kd_form_snmp_version;   /* "2c" is 2 */
kd_form kd_form_pairs;          /* names and values, each an object of its own: [{"a":"1"},{"b":"2"}] */
kd_form kd_form_ldap_request;   /* LDAP: {"operation":"add_request","message_id":2,"add_request":{…}} */
kd_form kd_form_ldap_responses; /* … [{"operation":"add_response","add_response":{…}}] */

#endif
