"""Rows into a database whose schema a Synapse made: SQLite or PostgreSQL, without indexes until the end."""
import io
import sqlite3

COLUMNS = {
    "access_tokens": "id user_id device_id token last_validated used",
    "account_data": "user_id account_data_type stream_id content",
    "current_state_delta_stream": "stream_id room_id type state_key event_id prev_event_id instance_name",
    "current_state_events": "event_id room_id type state_key membership event_stream_ordering",
    "destinations": "destination retry_last_ts retry_interval failure_ts last_successful_stream_ordering",
    "device_inbox": "user_id device_id stream_id message_json instance_name",
    "device_lists_changes_in_room": "user_id device_id room_id stream_id converted_to_destinations instance_name "
                                    "inserted_ts",
    "device_lists_remote_cache": "user_id device_id content",
    "device_lists_remote_extremeties": "user_id stream_id",
    "device_lists_stream": "stream_id user_id device_id instance_name",
    "devices": "user_id device_id display_name last_seen ip user_agent hidden",
    "e2e_device_keys_json": "user_id device_id ts_added_ms key_json",
    "e2e_fallback_keys_json": "user_id device_id algorithm key_id key_json used",
    "e2e_one_time_keys_json": "user_id device_id algorithm key_id ts_added_ms key_json",
    "event_auth": "event_id auth_id room_id",
    "event_auth_chain_links": "origin_chain_id origin_sequence_number target_chain_id target_sequence_number",
    "event_auth_chains": "event_id chain_id sequence_number",
    "event_edges": "event_id prev_event_id is_state",
    "event_forward_extremities": "event_id room_id",
    "event_json": "event_id room_id internal_metadata json format_version",
    "event_push_actions": "room_id event_id user_id actions topological_ordering stream_ordering notif highlight "
                          "unread thread_id",
    "event_push_summary": "user_id room_id notif_count stream_ordering unread_count last_receipt_stream_ordering "
                          "thread_id",
    "event_relations": "event_id relates_to_id relation_type aggregation_key",
    "event_search": "event_id room_id key value origin_server_ts stream_ordering",
    "event_to_state_groups": "event_id state_group",
    "event_txn_id_device_id": "event_id room_id user_id device_id txn_id inserted_ts",
    "events": "stream_ordering topological_ordering event_id type room_id processed outlier depth origin_server_ts "
              "received_ts sender contains_url instance_name state_key",
    "local_current_membership": "room_id user_id event_id membership event_stream_ordering",
    "profiles": "user_id displayname avatar_url full_user_id",
    "receipts_graph": "room_id receipt_type user_id event_ids thread_id data",
    "receipts_linearized": "stream_id room_id receipt_type user_id event_id thread_id event_stream_ordering data "
                           "instance_name",
    "redactions": "event_id redacts have_censored received_ts recheck",
    "room_account_data": "user_id room_id account_data_type stream_id content",
    "room_depth": "room_id min_depth",
    "room_memberships": "event_id user_id sender room_id membership forgotten display_name avatar_url "
                        "event_stream_ordering participant",
    "room_stats_current": "room_id current_state_events joined_members invited_members left_members banned_members "
                          "local_users_in_room completed_delta_stream_id knocked_members",
    "room_stats_state": "room_id name join_rules history_visibility is_federatable topic",
    "room_tags": "user_id room_id tag content",
    "room_tags_revisions": "user_id room_id stream_id",
    "rooms": "room_id is_public creator room_version has_auth_chain_index",
    "sliding_sync_joined_rooms": "room_id event_stream_ordering bump_stamp room_name is_encrypted",
    "sliding_sync_membership_snapshots": "room_id user_id sender membership_event_id membership forgotten "
                                         "event_stream_ordering event_instance_name has_known_state room_name "
                                         "is_encrypted",
    "state_events": "event_id room_id type state_key",
    "state_group_edges": "state_group prev_state_group",
    "state_groups": "id room_id event_id",
    "state_groups_state": "state_group room_id type state_key event_id",
    "stream_ordering_to_exterm": "stream_ordering room_id event_id",
    "threads": "room_id thread_id latest_event_id topological_ordering stream_ordering",
    "user_directory": "user_id display_name avatar_url",
    "user_directory_search": "user_id value",
    "user_ips": "user_id access_token device_id ip user_agent last_seen",
    "user_stats_current": "user_id joined_rooms completed_delta_stream_id",
    "users": "name password_hash creation_ts admin is_guest deactivated shadow_banned approved",
    "users_in_public_rooms": "user_id room_id",
    "users_who_share_private_rooms": "user_id other_user_id room_id",
}
MOST_WAITING = 20_000


class Sink:
    """Rows wait by table, and are written many at a time."""

    def __init__(self):
        self.waiting = {table: [] for table in COLUMNS}

    def add(self, table, *row):
        rows = self.waiting[table]
        rows.append(row)
        if len(rows) >= MOST_WAITING:
            self.write(table, rows)
            rows.clear()

    def flush(self):
        for table, rows in self.waiting.items():
            if rows:
                self.write(table, rows)
                rows.clear()

    def write(self, table, rows):
        raise NotImplementedError


class SqliteSink(Sink):
    def __init__(self, file):
        super().__init__()
        self.db = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-200000"):
            self.db.execute(f"PRAGMA {pragma}")
        self.later = [row for row in self.db.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL")]
        for kind, name, _ in self.later:
            self.db.execute(f"DROP {kind} {name}")
        self.db.execute("BEGIN")

    def write(self, table, rows):
        names = COLUMNS[table].split()
        if table == "event_search":
            names, rows = names[:4], [row[:4] for row in rows]
        self.db.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)

    def run(self, sql, *values):
        self.db.execute(sql.replace("%s", "?"), values)

    def sequence(self, name, value):
        """SQLite's Synapse counts from the greatest row."""

    def close(self):
        self.flush()
        self.db.execute("COMMIT")
        for _, _, sql in self.later:
            self.db.execute(sql)
        self.db.execute("ANALYZE")
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.close()


class PostgresSink(Sink):
    def __init__(self, address):
        import psycopg2
        super().__init__()
        self.db = psycopg2.connect(address)
        self.cursor = self.db.cursor()
        self.cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        self.cursor.execute(
            "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'public' AND NOT EXISTS ("
            "SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) AND i.tablename = ANY(%s)",
            (list(COLUMNS),))
        # A replica identity or a foreign key may need an index: those stay.
        self.later = []
        for name, sql in self.cursor.fetchall():
            self.cursor.execute("SAVEPOINT before_index")
            try:
                self.cursor.execute(f'DROP INDEX "{name}"')
                self.later.append(sql)
            except psycopg2.Error:
                self.cursor.execute("ROLLBACK TO SAVEPOINT before_index")
        self.cursor.execute(
            "CREATE TEMP TABLE search_text (event_id text, room_id text, key text, value text, "
            "origin_server_ts bigint, stream_ordering bigint); CREATE TEMP TABLE user_text (user_id text, value text)")

    def write(self, table, rows):
        target = {"event_search": "search_text", "user_directory_search": "user_text"}.get(table, table)
        lines = "".join("\t".join(map(self.text, row)) + "\n" for row in rows)
        self.cursor.copy_expert(
            f"COPY {target} ({', '.join(COLUMNS[table].split())}) FROM STDIN", io.StringIO(lines))

    @staticmethod
    def text(value):
        if value is None:
            return "\\N"
        if isinstance(value, str):
            return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        return str(int(value))

    def run(self, sql, *values):
        self.cursor.execute(sql, values)

    def sequence(self, name, value):
        self.cursor.execute("SELECT setval(%s, %s)", (name, max(1, value)))

    def close(self):
        self.flush()
        self.cursor.execute(
            "INSERT INTO event_search (event_id, room_id, key, vector, origin_server_ts, stream_ordering) SELECT "
            "event_id, room_id, key, to_tsvector('english', value), origin_server_ts, stream_ordering "
            "FROM search_text; INSERT INTO user_directory_search (user_id, vector) SELECT user_id, "
            "setweight(to_tsvector('simple', value), 'A') FROM user_text")
        for sql in self.later:
            self.cursor.execute(sql)
        self.db.commit()
        self.db.autocommit = True
        self.cursor.execute("ANALYZE")
        self.db.close()
