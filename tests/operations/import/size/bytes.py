#!/usr/bin/env python3
"""bytes.py SYNAPSE OURS: the bytes of both databases by kind of table. A file is SQLite, else a libpq address.

Both are compacted before. Indexes count with their tables.
"""
import re
import sqlite3
import subprocess
import sys

KINDS = (
    ("search", r"event_search|search_"),
    ("user directory", r"user_directory|users_in_public|users_who_share|directory_"),
    ("state", r"state_group|state_nodes|state_steps|state_checkpoints|states_before|current_state|auth_heights|"
              r"local_current|room_memberships|memberships|sliding_sync|state_events|event_auth|auth_citations"),
    ("events", r"event_json|events|event_edges|event_to_state|event_relations|relations|redactions|event_txn|commits|"
               r"stream_ordering|threads|event_forward|event_backward|ex_outlier|renumbered"),
    ("notifications", r"event_push|unread|push"),
    ("receipts", r"receipts"),
    ("keys and devices", r"e2e_|device|one_time|fallback|key|cross_signing|to_device|backup"),
    ("people and rooms", r""),
)


def sqlite(file):
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    names = dict(db.execute("SELECT name, tbl_name FROM sqlite_master"))
    for name, size in db.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name"):
        yield names.get(name, name), size


def postgres(address):
    psql = subprocess.run(
        ["psql", address, "-Atc", "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
         " AND relnamespace = 'public'::regnamespace"], check=True, capture_output=True, text=True)
    for line in psql.stdout.splitlines():
        name, size = line.split("|")
        yield name, int(size)


def kinds(source):
    sums = dict.fromkeys([kind for kind, _ in KINDS], 0)
    for name, size in postgres(source) if re.search(r"=|://", source) else sqlite(source):
        sums[next(kind for kind, pattern in KINDS if re.match(pattern, name))] += size
    return sums


def main():
    theirs, ours = kinds(sys.argv[1]), kinds(sys.argv[2])
    print("| kind | Synapse, MB | here, MB | share |\n| --- | ---: | ---: | ---: |")
    for kind in [*theirs, "all"]:
        left = sum(theirs.values()) if kind == "all" else theirs[kind]
        right = sum(ours.values()) if kind == "all" else ours[kind]
        print(f"| {kind} | {left / 1e6:.1f} | {right / 1e6:.1f} | {100 * right / max(1, left):.1f} % |")


if __name__ == "__main__":
    main()
