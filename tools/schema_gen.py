#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make every face of the schema from schema/records.toml and schema/protocols.toml.

usage: schema_gen.py SCHEMA_DIR OUT_DIR [FACE...]
faces: records.h records.c records.ts records.schema.json fields.en.md fields.ja.md records.sqlite.sql
       records.clickhouse.sql; all of them when none is named.
"""
import json
import os
import sys
import tomllib

SCALARS = {  # type: (C type, KD_T_ name, JSON type, TypeScript, SQLite, ClickHouse)
    "bool": ("bool", "BOOL", "boolean", "boolean", "INTEGER", "UInt8"),
    "u8": ("uint8_t", "U8", "integer", "number", "INTEGER", "UInt8"),
    "u16": ("uint16_t", "U16", "integer", "number", "INTEGER", "UInt16"),
    "u32": ("uint32_t", "U32", "integer", "number", "INTEGER", "UInt32"),
    "u64": ("uint64_t", "U64", "integer", "number", "INTEGER", "UInt64"),
    "time": ("uint64_t", "TIME", "string", "string", "INTEGER", "UInt64"),
    "us": ("uint64_t", "US", "integer", "number", "INTEGER", "UInt64"),
    "addr": ("struct kd_addr", "ADDR", "string", "string", "BLOB", "FixedString(16)"),
    "mac": ("struct kd_mac", "MAC", "string", "string", "BLOB", "FixedString(6)"),
    "str": ("struct kd_bytes", "STR", "string", "string", "TEXT", "String"),
    "hex": ("struct kd_bytes", "HEX", "string", "string", "BLOB", "String"),
    "strs": ("struct kd_strs", "STRS", "array", "string[]", "TEXT", "Array(String)"),
}
FLAGS = {"always": "KD_F_ALWAYS", "bloom": "KD_F_BLOOM", "spread": "KD_F_SPREAD", "one": "KD_F_ONE",
         "plain": "KD_F_PLAIN", "map": "KD_F_MAP"}
MAP_ITEMS = (["str", "str", "u32", "bool"], ["str", "str", "u64", "bool"])
NO_TRANSACTIONS = {"flow", "alert", "signature", "stats", "health", "host", "incident", "crossing", "anomaly", "file",
                   "packet", "arp", "nbns", "icmp", "login", "ntlm", "socks", "irc"}
FORMS = {  # kd_form_NAME() of wire/form.c: (JSON type, TypeScript)
    "age": ("integer", "number"),
    "hex8": ("string", "string"),
    "hex16": ("string", "string"),
    "bit0": ("boolean", "boolean"),
    "bit1": ("boolean", "boolean"),
    "bit2": ("boolean", "boolean"),
    "bit3": ("boolean", "boolean"),
    "bit4": ("boolean", "boolean"),
    "bit6": ("boolean", "boolean"),
    "bit15": ("boolean", "boolean"),
    "utc": ("string", "string"),
    "angle": ("string", "string"),
    "angles": ("array", "string[]"),
    "one": ("array", "string[]"),
    "yes_no": ("string", "string"),
    "or_none": ("string", "string"),
    "weak_cipher": ("boolean", "boolean"),
    "failed_request": ("string", "string"),
    "ntlm_version": ("string", "string"),
    "smb_status": ("string", "string"),
    "pipe_share": ("string", "string"),
    "renamed": ("string", "string"),
    "open_kind": ("string", "string"),
    "guid": ("string", "string"),
    "rpc_request": ("string", "string"),
    "rpc_response": ("string", "string"),
    "rpc_interfaces": ("array", "{ uuid: string; version: string; ack_result: number; service: string; procedure: string }[]"),
    "rpc_answer_bytes": ("integer", "number"),
    "part_names": ("array", "string[]"),
    "range_first": ("integer", "number"),
    "range_last": ("integer", "number"),
    "range_total": ("integer", "number"),
    "range_end": ("integer", "number"),
    "flow_state": ("string", "string"),
    "flow_reason": ("string", "string"),
    "tcp_state": ("string", "string"),
    "icmp": ("integer", "number"),
    "icmp_reply": ("integer", "number"),
    "in_tx": ("integer", "number"),
    "of_frame": ("integer", "number"),
    "json": ("object", "Record<string, any>"),
    "frame_whole": ("boolean", "boolean"),
    "frame_text": ("string", "string"),
    "base64": ("string", "string"),
    "printable": ("string", "string"),
    "word": ("string", "string"),
    "count": ("integer", "number"),
    "link_name": ("string", "string"),
    "client_ip": ("string", "string"),
    "server_ip": ("string", "string"),
    "client_port": ("integer", "number"),
    "server_port": ("integer", "number"),
    "app_flows": ("object", "Record<string, number>"),
    "dns_version": ("integer", "number"),
    "queries": ("array", "{ rrname: string; rrtype: string }[]"),
    "by_type": ("array", "Record<string, string | number>[]"),  # in [line.NAME] alone: written by wire/eve.c
    "extensions": ("array", "Record<string, any>[]"),  # the same
    "bytes": ("string", "string"),
    "arp_target": ("string", "string"),
    "arp_hardware": ("string", "string"),
    "arp_protocol": ("string", "string"),
    "app_tx": ("object", "Record<string, number>"),
    "app_errors": ("object", "Record<string, { parser: number }>"),
    "odd_events": ("object", "Record<string, Record<string, number>>"),
    "avg_size": ("integer", "number"),
    "rule_engines": ("array", "{ id: number; rules_loaded: number; rules_failed: number; rules_skipped: number }[]"),
    "event_name": ("string", "string"),
    "proto_parser": ("string", "string"),
    "mac_list": ("array", "string[]"),
    "outer_app": ("string", "string"),
    "flowbits": ("array", "string[]"),
    "traffic_id": ("array", "string[]"),
    "smb_status_name": ("string", "string"),
    "smb_size": ("integer", "number"),
    "smb_dialect": ("string", "string"),
    "smb_file_id": ("string", "string"),
    "smb_opened": ("integer", "number"),
    "of_request": ("integer", "number"),
    "of_response": ("integer", "number"),
    "rpc_call": ("integer", "number"),
    "rpc_sequence": ("integer", "number"),
    "rpc_id": ("integer", "number"),
    "nfs_type": ("string", "string"),
    "traffic_label": ("array", "string[]"),
    "answer_flags": ("string", "string"),
    "answer_version": ("integer", "number"),
    "grouped": ("object", "Record<string, string[]>"),
    "soa": ("object", "{ mname: string; rname: string; serial: number; refresh: number; retry: number; "
                      "expire: number; minimum: number }"),
    "srv": ("object", "{ priority: number; weight: number; port: number; name: string }"),
    "sshfp": ("object", "{ algo: number; fingerprint: string }"),
    "no_yes": ("boolean", "boolean"),
    "snmp_version": ("integer", "number"),
    "pairs": ("array", "Record<string, string>[]"),
    "ldap_request": ("object", "Record<string, any>"),
    "ldap_responses": ("array", "Record<string, any>[]"),
}


class Field:
    def __init__(self, line, where):
        parts = [p.strip() for p in line.split("|")]
        head = parts[0].split()
        if len(head) != 3 or len(parts) < 3:
            sys.exit(f"{where}: not 'name type path | English | 日本語': {line}")
        self.name, self.type, self.path = head
        if self.type.startswith("list:"):
            item, _, self.form = self.type[5:].partition(":")
            self.type = "list:" + item
        else:
            self.type, _, self.form = self.type.partition(":")
        if self.form and self.form not in FORMS:
            sys.exit(f"{where}: unknown form {self.form}")
        self.en, self.ja = parts[1], parts[2]
        self.flags = parts[3].split() if len(parts) > 3 else []
        self.sub = self.type[5:] if self.type.startswith("list:") else None
        self.is_view = self.type == "as"  # another name of a field, made by the JSON writer, not stored
        if self.sub is None and not self.is_view and self.type not in SCALARS:
            sys.exit(f"{where}: unknown type {self.type}")
        for flag in self.flags:
            if flag not in FLAGS:
                sys.exit(f"{where}: unknown flag {flag}")
        self.group, _, self.key = self.path.rpartition(".")

    def json_type(self):
        return FORMS[self.form][0] if self.form else SCALARS[self.type][2]

    def ts_type(self):
        return FORMS[self.form][1] if self.form else SCALARS[self.type][3]

    def c_type(self):
        return "struct kd_list" if self.sub else SCALARS[self.type][0]


class Table:
    def __init__(self, name, body, what):
        self.name, self.what = name, what
        self.id = body.get("id")
        self.event = body.get("event", name)  # event_type as written
        self.step = body.get("step")  # number of those that JSON lines alone tell
        self.en, self.ja = body.get("en", ""), body.get("ja", "")
        lines = [Field(line, f"{what}.{name}") for line in body["fields"]]
        self.fields = [f for f in lines if not f.is_view]
        if len(self.fields) > 64:
            sys.exit(f"{what}.{name}: more than 64 fields")
        by_name = {f.name: f for f in self.fields}
        if len(by_name) != len(self.fields):
            sys.exit(f"{what}.{name}: a name stands twice")
        if len({f.path for f in lines}) != len(lines):
            sys.exit(f"{what}.{name}: a path stands twice")
        for f in lines:
            if f.is_view and f.name not in by_name:
                sys.exit(f"{what}.{name}: {f.path} is made of {f.name}, which is no field")
            if f.is_view:
                f.type, f.sub = by_name[f.name].type, by_name[f.name].sub
        # A JSON object is written once, so what belongs to it is written together.
        self.lines = list(leaves(tree_of(lines)))


def tree_of(fields):
    """Nested dict path segment -> Field or dict."""
    root = {}
    for f in fields:
        node = root
        for part in f.path.split(".")[:-1]:
            node = node.setdefault(part, {})
        node[f.key] = f
    return root


def leaves(node):
    for v in node.values():
        if isinstance(v, Field):
            yield v
        else:
            yield from leaves(v)


def load(folder):
    with open(os.path.join(folder, "records.toml"), "rb") as f:
        raw = tomllib.load(f)
    with open(os.path.join(folder, "protocols.toml"), "rb") as f:
        protos = [[p.strip() for p in line.split("|")] for line in tomllib.load(f)["protocols"]]
    head = Table("head", {"fields": raw["head"]}, "head")
    head.further = [Table(n, {"fields": raw["record"][b["like"]]["fields"], **b} if "like" in b else b, "line")
                    for n, b in raw.get("line", {}).items()]
    subs = {n: Table(n, b, "sub") for n, b in raw.get("sub", {}).items()}
    records = sorted((Table(n, b, "record") for n, b in raw["record"].items()), key=lambda t: t.id)
    ids = [r.id for r in records] + [r.step for r in records if r.step]
    if len(set(ids)) != len(ids) or min(ids) < 1 or max(ids) > 63:
        sys.exit("records: ids must be unique, 1 to 63")
    for t in list(records) + list(subs.values()):
        for f in t.fields:
            if f.sub and f.sub not in subs:
                sys.exit(f"{t.name}.{f.name}: no [sub.{f.sub}]")
            if "plain" in f.flags and len(subs[f.sub].fields) != 1:
                sys.exit(f"{t.name}.{f.name}: plain, but [sub.{f.sub}] has several fields")
            if "map" in f.flags and [s.type for s in subs[f.sub].fields] not in MAP_ITEMS:
                sys.exit(f"{t.name}.{f.name}: map, but [sub.{f.sub}] is not name, text, number, numeric")
    return head, records, subs, protos


def c_struct(t):
    out = [f"/* {t.en}. */"] if t.en else []
    out.append(f"struct kd_{'rec_' if t.what == 'record' else ''}{t.name} {{")
    for f in t.fields:
        flag = "".join(f" [{x}]" for x in f.flags)
        out.append(f"    {f.c_type()} {f.name}; /* {f.path}: {f.en}{flag} */")
    out.append("};\n")
    return "\n".join(out)


def face_h(head, records, subs, protos):
    out = ["/* Made by tools/schema_gen.py from schema/; do not edit. */",
           "#ifndef KD_WIRE_RECORDS_H", "#define KD_WIRE_RECORDS_H", "",
           '#include "wire/schema.h"', "",
           "enum kd_rec_type {", "    KD_REC_NONE = 0,"]
    out += [f"    KD_REC_{r.name.upper()} = {r.id}," for r in records]
    out += [f"    KD_REC_MAX = {max(r.id for r in records)},"]
    out += ["    /* Of the same form: what JSON lines alone tell. */"]
    out += [f"    KD_REC_{r.name.upper()}_STEP = {r.step}," for r in records if r.step]
    out += ["};", "", "enum kd_app {"]
    out += [f"    KD_APP_{p[0].upper().replace('-', '_')}, /* {p[1]} */" for p in protos]
    out += ["    KD_APP_COUNT", "};", ""]
    out += [c_struct(t) for t in subs.values()] + [c_struct(t) for t in records]
    out += [f"extern const struct kd_schema kd_schema_{t.name};" for t in list(subs.values()) + records]
    out += ["", "/* By record type; NULL for a number not in use. */",
            "extern const struct kd_schema *const kd_schemas[64];",
            "/* What a record that JSON lines alone tell is one of; 0 for others. */",
            "extern const uint8_t kd_step_of[64];", "",
            "/* Protocol names as EVE writes them, and for people. */",
            "extern const char *const kd_app_names[KD_APP_COUNT];",
            "extern const char *const kd_app_titles_en[KD_APP_COUNT];",
            "extern const char *const kd_app_titles_ja[KD_APP_COUNT];", "", "#endif", ""]
    return "\n".join(out)


def c_string(s):
    return json.dumps(s, ensure_ascii=False)


def json_key(key):
    return f'"{key}":'


def c_present(f):
    if f.type == "addr":
        return f"!kd_addr_is_none(&r->{f.name})"
    if f.type == "mac":
        return f"!kd_mac_is_none(&r->{f.name})"
    return f"(r->{f.name}{'.n' if f.sub or f.type in ('str', 'hex', 'strs') else ''} != 0)"


def c_table(t):
    struct = f"struct kd_{'rec_' if t.what == 'record' else ''}{t.name}"
    out = c_rows("fields", t, t.fields)
    if t.lines != t.fields:
        out += c_rows("lines", t, t.lines)
    out += [f"static uint64_t present_{t.name}(const void *body)", "{", f"    const {struct} *r = body;",
            "    uint64_t is = 0;"]
    out += [f"    is |= (uint64_t){c_present(f)} << {i};" for i, f in enumerate(t.fields)]
    out += ["    return is;", "}"]
    lines = "lines" if t.lines != t.fields else "fields"
    out.append(f"const struct kd_schema kd_schema_{t.name} = {{{c_string(t.name)}, {c_string(t.event)}, {t.id or 0}, "
               f"{len(t.fields)}, sizeof({struct}), fields_{t.name}, present_{t.name}, {c_string(t.en)}, "
               f"{c_string(t.ja)}, {lines}_{t.name}, {len(t.lines)}}};\n")
    return "\n".join(out)


def c_rows(what, t, fields):
    struct = f"struct kd_{'rec_' if t.what == 'record' else ''}{t.name}"
    out = [f"static const struct kd_field {what}_{t.name}[] = {{"]
    for f in fields:
        kind = "LIST" if f.sub else SCALARS[f.type][1]
        flags = " | ".join(FLAGS[x] for x in f.flags) or "0"
        sub = f"&kd_schema_{f.sub}" if f.sub else "NULL"
        form = f"kd_form_{f.form}" if f.form else "NULL"
        out.append(f"    {{{c_string(f.name)}, {c_string(f.group)}, {c_string(f.key)}, {c_string(f.path)}, "
                   f"KD_T_{kind}, {flags}, offsetof({struct}, {f.name}), {sub}, "
                   f"{c_string(f.en)}, {c_string(f.ja)}, {c_string(json_key(f.key))}, {len(json_key(f.key))}, {form}}},")
    out.append("};")
    return out


def face_c(head, records, subs, protos):
    out = ["/* Made by tools/schema_gen.py from schema/; do not edit. */", '#include "records.h"', '#include "wire/form.h"', ""]
    out += [c_table(t) for t in list(subs.values()) + records]
    out.append("const struct kd_schema *const kd_schemas[64] = {")
    out += [f"    [{r.id}] = &kd_schema_{r.name}," for r in records]
    out.append("};\n")
    out.append("const uint8_t kd_step_of[64] = {")
    out += [f"    [{r.step}] = {r.id}," for r in records if r.step]
    out.append("};\n")
    for i, what in enumerate(("names", "titles_en", "titles_ja")):
        out.append(f"const char *const kd_app_{what}[KD_APP_COUNT] = {{")
        out += [f"    {c_string(p[i].replace('_', '-') if i == 0 else p[i])}," for p in protos]
        out.append("};")
    return "\n".join(out) + "\n"


def ts_type(node, subs, pad):
    if isinstance(node, Field):
        if not node.sub or node.form:
            return node.ts_type()
        if "map" in node.flags:
            return "Record<string, string | number>"
        item = ts_type(subs[node.sub].fields[0], subs, pad) if "plain" in node.flags else pascal(node.sub)
        return item if "one" in node.flags else f"{item}[]"
    inner = [f"{pad}  {k}{'' if is_always(v) else '?'}: {ts_type(v, subs, pad + '  ')};" for k, v in node.items()]
    return "{\n" + "\n".join(inner) + f"\n{pad}}}"


def is_always(node):
    return isinstance(node, Field) and "always" in node.flags


def pascal(name):
    return "".join(p.capitalize() for p in name.split("_"))


def spread(t, records):
    """Objects of other records that may stand in this one: key -> (record, its tree)."""
    if not any("spread" in f.flags for f in t.fields):
        return {}
    out, own = {}, tree_of(t.lines)
    for other in records:
        for k, v in tree_of(other.lines).items():
            if other.name not in NO_TRANSACTIONS and isinstance(v, dict) and k not in own:
                out.setdefault(k, (other, v))
    return out


def face_ts(head, records, subs, protos):
    out = ["// Made by tools/schema_gen.py from schema/; do not edit.", ""]
    for t in subs.values():
        out.append(f"export interface {pascal(t.name)} {ts_type(tree_of(t.lines), subs, '')}\n")
    heads = {k: v for k, v in tree_of(head.lines).items() if k not in ("event_type", "proto", "app_proto")}
    out.append("export interface RecordHead " + ts_type(heads, subs, "")[:-1] +
               "  proto?: string;\n  app_proto?: string;\n  ip_v?: number;\n  community_id?: string;\n}\n")
    for t in records:
        body = ts_type(tree_of([f for f in t.lines if "spread" not in f.flags]), subs, "")
        more = [f"  {k}?: {pascal(o.name)}Record['{k}'];\n" for k, (o, _) in spread(t, records).items()]
        body = body[:-1] + "".join(more) + "}"
        out.append(f"/** {t.en} / {t.ja} */\nexport interface {pascal(t.name)}Record extends RecordHead "
                   + "{\n" + f"  event_type: '{t.event}';" + body[1:] + "\n")
    out.append("export type KidobanRecord =\n" + "\n".join(f"  | {pascal(t.name)}Record" for t in records
                                                        if t.event == t.name) + ";")
    return "\n".join(out) + "\n"


def js_form(ts):
    """JSON Schema of a form's value, from its TypeScript."""
    if ts == "any":
        return {}
    if " | " in ts and not ts.endswith(("[]", ">", "}")):
        return {"type": [js_form(t)["type"] for t in ts.split(" | ")]}
    if ts.endswith("[]"):
        return {"type": "array", "items": js_form(ts[:-2])}
    if ts.startswith("Record<string, "):
        return {"type": "object", "properties": {}, "required": [], "additionalProperties": js_form(ts[15:-1])}
    if ts.startswith("{"):
        pairs = [p.split(": ") for p in ts.strip("{} ").split("; ")]
        return {"type": "object", "properties": {k: js_form(v) for k, v in pairs}, "required": []}
    return {"type": "integer" if ts == "number" else ts}


def js_schema(node, subs):
    if isinstance(node, Field):
        if node.sub and not node.form:
            if "map" in node.flags:
                return {"type": "object", "description": node.en, "additionalProperties": {"type": ["string", "integer"]}}
            item = {"$ref": f"#/$defs/{node.sub}"}
            if "plain" in node.flags:
                item = js_schema(subs[node.sub].fields[0], subs)
            if "one" in node.flags:
                return {**item, "description": node.en}
            return {"type": "array", "description": node.en, "items": item}
        t = {"type": node.json_type(), "description": node.en}
        if t["type"] in ("object", "array"):
            t.update(js_form(node.ts_type()))
        if t["type"] == "integer":
            t["minimum"] = 0
        return t
    return {"type": "object", "properties": {k: js_schema(v, subs) for k, v in node.items()},
            "required": [k for k, v in node.items() if is_always(v)]}


def face_schema(head, records, subs, protos):
    heads = {k: js_schema(v, subs) for k, v in tree_of(head.lines).items()}
    for text in ("event_type", "proto", "app_proto"):
        heads[text]["type"] = "string"
        heads[text].pop("minimum", None)
    heads["ip_v"] = {"type": "integer", "description": "4 or 6: version of IP"}
    heads["community_id"] = {"type": "string", "description": "Community ID, version 1"}
    heads["record_id"] = {"type": "string", "description": heads["record_id"]["description"]}
    heads["vlan"] = {"type": "array", "description": heads["vlan"]["description"], "items": {"type": "integer"}}
    one_of = []
    for t in records + head.further:
        body = js_schema(tree_of([f for f in t.lines if "spread" not in f.flags]), subs)
        body["properties"].update((k, js_schema(v, subs)) for k, (_, v) in spread(t, records).items())
        body["properties"] = {**heads, "event_type": {"const": t.event}, **body["properties"]}
        body["required"] = ["timestamp", "event_type", *body["required"]]
        body["title"], body["description"] = t.name, t.en
        one_of.append(body)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Kidoban record",
                       "oneOf": one_of,
                       "$defs": {t.name: js_schema(tree_of(t.lines), subs) for t in subs.values()}},
                      ensure_ascii=False, indent=1) + "\n"


def face_md(lang, head, records, subs, protos):
    words = {"en": ("Field reference", "Every record", "JSON path", "type", "meaning"),
             "ja": ("項目一覧", "すべての記録に共通", "JSON の項目", "型", "意味")}[lang]
    out = [f"# {words[0]}", "", "<!-- Made by tools/schema_gen.py from schema/; do not edit. -->", ""]

    def rows(t):
        out.extend([f"| {words[2]} | {words[3]} | {words[4]} |", "|---|---|---|"])
        out.extend(f"| `{f.path}` | {f.json_type() if f.form else f.type} | {f.en if lang == 'en' else f.ja} |" for f in t.lines)
        out.append("")
    out.extend([f"## {words[1]}", ""])
    rows(head)
    for t in records + head.further:
        out.extend([f"## {t.name}", "", t.en if lang == "en" else t.ja, ""])
        rows(t)
    for t in subs.values():
        out.extend([f"### {t.name}", ""])
        rows(t)
    return "\n".join(out)


def face_sql(column, tail, head, records, subs, protos):
    out = ["-- Made by tools/schema_gen.py from schema/; do not edit."]
    for t in records:
        cols = [f"  {f.name} {'TEXT' if column == 4 else 'String'}" if f.sub else f"  {f.name} {SCALARS[f.type][column]}"
                for f in head.fields + t.fields]
        out.append(f"CREATE TABLE IF NOT EXISTS rec_{t.name} (\n" + ",\n".join(cols) + f"\n){tail};")
    return "\n".join(out) + "\n"


FACES = {
    "records.h": face_h, "records.c": face_c, "records.ts": face_ts, "records.schema.json": face_schema,
    "fields.en.md": lambda *a: face_md("en", *a), "fields.ja.md": lambda *a: face_md("ja", *a),
    "records.sqlite.sql": lambda *a: face_sql(4, "", *a),
    "records.clickhouse.sql": lambda *a: face_sql(
        5, " ENGINE = MergeTree PARTITION BY toDate(intDiv(ts_us, 1000000)) ORDER BY (src, ts_us)", *a),
}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    parsed = load(sys.argv[1])
    for face in sys.argv[3:] or FACES:
        with open(os.path.join(sys.argv[2], face), "w", encoding="utf-8") as f:
            f.write(FACES[face](*parsed))


if __name__ == "__main__":
    main()
