-- SPDX-License-Identifier: Apache-2.0
-- sightings.db (SQLite): which host met which indicator on which day, and how often.  Made from the sealed blocks.
-- A line "-- version N" begins what brings an older file to version N.  Times are microseconds since 1970 UTC,
-- days numbers like 20261122; kind and value as in src/store/sighting.h.
-- version 1
CREATE TABLE sightings (
  day INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  value BLOB NOT NULL,
  hosts BLOB NOT NULL, -- src/store/sighting_hosts.h
  PRIMARY KEY (day, kind, value)
) WITHOUT ROWID;
CREATE TABLE days (
  day INTEGER PRIMARY KEY,
  written_us INTEGER NOT NULL,
  indicators INTEGER NOT NULL,
  left_out INTEGER NOT NULL
);
-- Blocks up to this sequence number are counted above, those after it are not.
CREATE TABLE counted (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL
);
INSERT INTO counted VALUES (1, 0);
