# SPDX-License-Identifier: Apache-2.0
"""Reading records: JSON lines, conditions on their fields, and the schema they follow."""
import json
import os
import re
import subprocess
import sys
import tempfile

SEVERITIES = ["info", "low", "medium", "high", "critical"]


def severity_rank(name):
    return SEVERITIES.index(name)


def read_lines(data):
    """(records, faults) of JSON lines; a key given twice is a fault."""
    def once(pairs):
        keys = [k for k, _ in pairs]
        if len(keys) != len(set(keys)):
            raise ValueError(f"key given twice: {sorted(k for k in keys if keys.count(k) > 1)[0]}")
        return dict(pairs)

    records, faults = [], []
    if data and not data.endswith(b"\n"):
        faults.append("the last line has no end")
    for n, line in enumerate(data.splitlines(), 1):
        try:
            record = json.loads(line.decode("utf-8"), object_pairs_hook=once)
            if not isinstance(record, dict):
                raise ValueError("not an object")
            records.append(record)
        except ValueError as e:
            faults.append(f"line {n}: {e}: {line[:200]!r}")
    return records, faults


def values(node, path):
    """Every value at a dotted path; lists on the way stand for each of their members."""
    if isinstance(node, list):
        return [v for member in node for v in values(member, path)]
    if not path:
        return [node]
    if not isinstance(node, dict):
        return []
    head, _, rest = path.partition(".")
    if head not in node:
        return []
    inner = node[head]
    return [inner] if not rest else values(inner, rest)


def ordered(a, b):
    """-1, 0, 1 for numbers, severities and times; None when they cannot be compared."""
    if a in SEVERITIES and b in SEVERITIES:
        a, b = severity_rank(a), severity_rank(b)
    if type(a) is not type(b) and not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        return None
    return (a > b) - (a < b)


def members(v):
    return v if isinstance(v, list) else [v]


TESTS = {  # value found, value wanted
    "": lambda v, w: v == w,
    "has": lambda v, w: w in members(v),
    "contains": lambda v, w: any(str(w) in m for m in members(v) if isinstance(m, str)),
    "startswith": lambda v, w: any(m.startswith(w) for m in members(v) if isinstance(m, str)),
    "endswith": lambda v, w: any(m.endswith(w) for m in members(v) if isinstance(m, str)),
    "matches": lambda v, w: any(re.search(w, m) for m in members(v) if isinstance(m, str)),
    "in": lambda v, w: any(m in w for m in members(v)),
    "gte": lambda v, w: ordered(v, w) in (0, 1),
    "gt": lambda v, w: ordered(v, w) == 1,
    "lte": lambda v, w: ordered(v, w) in (0, -1),
    "lt": lambda v, w: ordered(v, w) == -1,
}


def split_key(key):
    path, _, test = key.partition("__")
    if test not in TESTS and test not in ("exists", "ne"):
        raise KeyError(f"unknown operator in {key!r}")
    return path, test


def fits(record, where):
    for key, want in where.items():
        path, test = split_key(key)
        found = values(record, path)
        if test == "exists":
            ok = bool(found) == want
        elif test == "ne":
            ok = want not in found
        else:
            ok = any(TESTS[test](v, want) for v in found)
        if not ok:
            return False
    return True


def show(records, where, most=8):
    """The fields in question of the first records, for a diagnosis."""
    lines = []
    for r in records[:most]:
        fields = {p: values(r, p) for p in dict.fromkeys(k.partition("__")[0] for k in where)}
        lines.append("  " + (json.dumps(fields, ensure_ascii=False) if fields else json.dumps(r, ensure_ascii=False)[:400]))
    if len(records) > most:
        lines.append(f"  and {len(records) - most} more")
    return "\n".join(lines)


class Schema:
    """The part of JSON Schema that tools/schema_gen.py writes; a field the schema does not name is a fault."""

    def __init__(self, root):
        self.defs = root["$defs"]
        self.kinds = {}  # event_type -> its records: detections and matches of rules are both "alert"
        for one in root["oneOf"]:
            self.kinds.setdefault(one["properties"]["event_type"]["const"], []).append(one)

    @classmethod
    def load(cls, path, top):
        if path:
            with open(path, encoding="utf-8") as f:
                return cls(json.load(f))
        with tempfile.TemporaryDirectory() as d:
            subprocess.run([sys.executable, os.path.join(top, "tools", "schema_gen.py"), os.path.join(top, "schema"), d,
                            "records.schema.json"], check=True)
            with open(os.path.join(d, "records.schema.json"), encoding="utf-8") as f:
                return cls(json.load(f))

    def faults(self, record, where):
        kinds = self.kinds.get(record.get("event_type"))
        if kinds is None:
            return [f"{where}: unknown event_type {record.get('event_type')!r}"]
        return min((list(self.walk(kind, record, f"{where} {record['event_type']}")) for kind in kinds), key=len)

    def walk(self, schema, v, where):
        if not schema:
            return  # anything
        if "$ref" in schema:
            schema = self.defs[schema["$ref"].rpartition("/")[2]]
        if "const" in schema:
            if v != schema["const"]:
                yield f"{where}: {v!r} is not {schema['const']!r}"
            return
        if isinstance(schema["type"], list):
            fits = [dict(schema, type=one) for one in schema["type"]]
            if all(any(self.walk(one, v, where)) for one in fits):
                yield f"{where}: {v!r} is of none of these types: {schema['type']}"
            return
        types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
        right = types[schema["type"]]
        if not isinstance(v, right) or (right is int and isinstance(v, bool)):
            yield f"{where}: {json.dumps(v, ensure_ascii=False)[:80]} is not of type {schema['type']}"
        elif right is dict:
            for key in schema.get("required", ()):
                if key not in v:
                    yield f"{where}: {key} is missing"
            for key, inner in v.items():
                rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
                if rule is None:
                    yield f"{where}: {key} is not in the schema"
                else:
                    yield from self.walk(rule, inner, f"{where}.{key}")
        elif right is list:
            for n, inner in enumerate(v):
                yield from self.walk(schema["items"], inner, f"{where}[{n}]")
        elif right is int and v < schema.get("minimum", v):
            yield f"{where}: {v} is below {schema['minimum']}"
