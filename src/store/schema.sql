-- SPDX-License-Identifier: Apache-2.0
-- State in meta.db (SQLite).  A line "-- version N" begins what brings an older file to version N; steps are
-- never changed afterwards, only added.  Times are microseconds since 1970 UTC, addresses their text form.
-- version 1
CREATE TABLE detections (
  id INTEGER PRIMARY KEY,
  fold BLOB UNIQUE,
  detection_id TEXT NOT NULL,
  severity INTEGER NOT NULL,
  phase TEXT NOT NULL,
  host TEXT NOT NULL,
  peer TEXT NOT NULL,
  host_name TEXT NOT NULL,
  title_ja TEXT NOT NULL,
  title_en TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  excepted INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'open',
  note TEXT NOT NULL DEFAULT '',
  state_by TEXT NOT NULL DEFAULT '',
  state_us INTEGER NOT NULL DEFAULT 0,
  record_ids TEXT NOT NULL,
  json TEXT NOT NULL
);
CREATE INDEX detections_host ON detections (host, excepted);
CREATE INDEX detections_state ON detections (state, excepted, severity, last_us);
CREATE INDEX detections_first ON detections (first_us);
CREATE TABLE hosts (
  address TEXT PRIMARY KEY,
  sort BLOB NOT NULL,
  mac TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT '',
  user TEXT NOT NULL DEFAULT '',
  os TEXT NOT NULL DEFAULT '',
  role TEXT NOT NULL DEFAULT '',
  zone TEXT NOT NULL DEFAULT '',
  severity INTEGER NOT NULL DEFAULT 0,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  reasons TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE INDEX hosts_severity ON hosts (severity);
CREATE TABLE identities (
  address TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  source TEXT NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (address, kind, value)
) WITHOUT ROWID;
CREATE INDEX identities_value ON identities (kind, value);
CREATE TABLE hourly (
  hour INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (hour, kind, name)
) WITHOUT ROWID;
CREATE TABLE series (
  t INTEGER PRIMARY KEY,
  packets INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  records INTEGER NOT NULL
);
CREATE TABLE roles (
  role TEXT PRIMARY KEY,
  pid INTEGER NOT NULL,
  state TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  restarts INTEGER NOT NULL,
  last_exit TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE health_events (
  id INTEGER PRIMARY KEY,
  ts_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  value INTEGER NOT NULL,
  text_ja TEXT NOT NULL,
  text_en TEXT NOT NULL
);
CREATE TABLE users (
  user TEXT PRIMARY KEY,
  role INTEGER NOT NULL,
  hash TEXT NOT NULL,
  locked INTEGER NOT NULL DEFAULT 0,
  must_change INTEGER NOT NULL DEFAULT 0,
  created_us INTEGER NOT NULL,
  changed_us INTEGER NOT NULL,
  login_us INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE sessions (
  token BLOB PRIMARY KEY,
  user TEXT NOT NULL REFERENCES users (user) ON DELETE CASCADE,
  created_us INTEGER NOT NULL,
  seen_us INTEGER NOT NULL,
  client TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE lockouts (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  fails INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE exceptions (
  id INTEGER PRIMARY KEY,
  detection_id TEXT NOT NULL,
  host TEXT NOT NULL,
  reason TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  by_user TEXT NOT NULL,
  created_us INTEGER NOT NULL
);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  ts_us INTEGER NOT NULL,
  user TEXT NOT NULL,
  address TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash BLOB NOT NULL
);
-- version 2
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  merged_into BLOB,
  severity INTEGER NOT NULL,
  title_ja TEXT NOT NULL,
  title_en TEXT NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'open',
  note TEXT NOT NULL DEFAULT '',
  state_by TEXT NOT NULL DEFAULT '',
  state_us INTEGER NOT NULL DEFAULT 0,
  brief TEXT NOT NULL,
  json TEXT NOT NULL
);
CREATE INDEX incidents_state ON incidents (state, severity, last_us);
CREATE TABLE incident_changes (
  incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  ts_us INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  hosts INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  title_ja TEXT NOT NULL,
  title_en TEXT NOT NULL,
  PRIMARY KEY (incident, version)
) WITHOUT ROWID;
CREATE TABLE incident_hosts (
  incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  PRIMARY KEY (incident, host)
) WITHOUT ROWID;
CREATE INDEX incident_hosts_host ON incident_hosts (host);
CREATE TABLE incident_steps (
  incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  fold BLOB NOT NULL,
  PRIMARY KEY (incident, fold)
) WITHOUT ROWID;
CREATE INDEX incident_steps_fold ON incident_steps (fold);
CREATE TABLE incident_things (
  incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (incident, kind, value)
) WITHOUT ROWID;
-- version 3
ALTER TABLE exceptions ADD COLUMN peer TEXT NOT NULL DEFAULT '';
ALTER TABLE exceptions ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE exceptions ADD COLUMN hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exceptions ADD COLUMN hit_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN exception INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN user TEXT NOT NULL DEFAULT '';
UPDATE detections SET exception = coalesce((SELECT min(x.id) FROM exceptions x WHERE x.detection_id IN ('',
  detections.detection_id) AND x.host IN ('', detections.host)), 0) WHERE excepted = 1;
CREATE INDEX detections_exception ON detections (exception) WHERE exception <> 0;
CREATE TABLE decisions (revision INTEGER NOT NULL);
INSERT INTO decisions (revision) VALUES (1);
-- version 4
ALTER TABLE hosts ADD COLUMN os_source TEXT NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN roles TEXT NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN prefix INTEGER NOT NULL DEFAULT 0;
CREATE TABLE crossings (
  day INTEGER NOT NULL,
  from_zone TEXT NOT NULL,
  to_zone TEXT NOT NULL,
  client TEXT NOT NULL,
  server TEXT NOT NULL,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  forbidden INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  outside TEXT NOT NULL,
  app INTEGER NOT NULL,
  conversations INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL,
  bytes_in INTEGER NOT NULL,
  new_us INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (day, from_zone, to_zone, client, server, proto, port, forbidden, answered)
) WITHOUT ROWID;
-- version 5
CREATE TABLE notices (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  number INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  over INTEGER NOT NULL,
  count INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  host TEXT NOT NULL,
  host_name TEXT NOT NULL,
  title_ja TEXT NOT NULL,
  title_en TEXT NOT NULL,
  what_ja TEXT NOT NULL,
  what_en TEXT NOT NULL,
  do_ja TEXT NOT NULL,
  do_en TEXT NOT NULL,
  made_us INTEGER NOT NULL,
  version INTEGER NOT NULL,
  told_version INTEGER NOT NULL DEFAULT 0,
  told_us INTEGER NOT NULL DEFAULT 0,
  told_times INTEGER NOT NULL DEFAULT 0,
  told_severity INTEGER NOT NULL DEFAULT 0,
  told_count INTEGER NOT NULL DEFAULT 0,
  answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX notices_news ON notices (severity) WHERE version > told_version;
CREATE TABLE notice_channel (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  server TEXT NOT NULL DEFAULT '',
  security TEXT NOT NULL DEFAULT '',
  sender TEXT NOT NULL DEFAULT '',
  recipients TEXT NOT NULL DEFAULT '',
  language TEXT NOT NULL DEFAULT '',
  least TEXT NOT NULL DEFAULT '',
  quiet_us INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  ok_us INTEGER NOT NULL DEFAULT 0,
  fail_us INTEGER NOT NULL DEFAULT 0,
  since_us INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  why_ja TEXT NOT NULL DEFAULT '',
  why_en TEXT NOT NULL DEFAULT '',
  do_ja TEXT NOT NULL DEFAULT '',
  do_en TEXT NOT NULL DEFAULT '',
  answer TEXT NOT NULL DEFAULT ''
);
-- version 6
CREATE TABLE objects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,
  by_user TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  hits INTEGER NOT NULL DEFAULT 0,
  hit_us INTEGER NOT NULL DEFAULT 0,
  looks INTEGER NOT NULL DEFAULT 0,
  look_us INTEGER NOT NULL,
  look_state TEXT NOT NULL DEFAULT 'waiting',
  UNIQUE (kind, value)
);
CREATE INDEX objects_look ON objects (look_us) WHERE look_us <> 0;
CREATE TABLE meetings (
  object INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  met TEXT NOT NULL,
  how TEXT NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  count INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (object, host)
) WITHOUT ROWID;
CREATE INDEX meetings_told ON meetings (told) WHERE told = 0;
-- version 7
-- Lists of suspicious objects as they are in force: what was read of each, and what was left out.
CREATE TABLE lists (
  name TEXT PRIMARY KEY,
  place INTEGER NOT NULL,
  format TEXT NOT NULL,
  kinds TEXT NOT NULL, -- {"ip":12,…}
  objects INTEGER NOT NULL,
  networks INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  wrong INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  other INTEGER NOT NULL,
  twice INTEGER NOT NULL,
  beyond INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  problem TEXT NOT NULL,
  refusal TEXT NOT NULL,
  read_us INTEGER NOT NULL,
  since_us INTEGER NOT NULL
) WITHOUT ROWID;
