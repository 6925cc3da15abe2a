namespace Matrix.Core.Json

open System
open System.Text

/// Strings that nearly every event has. They are kept once, so that reading an event does not allocate its keys.
[<RequireQualifiedAccess>]
module internal KnownStrings =

    let private all = [|
        // keys of every event
        "auth_events"
        "content"
        "depth"
        "hashes"
        "origin"
        "origin_server_ts"
        "prev_events"
        "redacts"
        "room_id"
        "sender"
        "signatures"
        "state_key"
        "type"
        "unsigned"
        "event_id"
        "sha256"
        "prev_state"
        "membership"
        "age"
        "age_ts"
        "transaction_id"
        "prev_content"
        // keys of common contents
        "body"
        "msgtype"
        "format"
        "formatted_body"
        "m.relates_to"
        "m.mentions"
        "m.new_content"
        "m.in_reply_to"
        "rel_type"
        "is_falling_back"
        "key"
        "user_ids"
        "room"
        "algorithm"
        "ciphertext"
        "sender_key"
        "session_id"
        "device_id"
        "displayname"
        "avatar_url"
        "is_direct"
        "reason"
        "join_rule"
        "allow"
        "history_visibility"
        "guest_access"
        "name"
        "topic"
        "url"
        "info"
        "creator"
        "room_version"
        "ban"
        "kick"
        "redact"
        "invite"
        "events"
        "events_default"
        "state_default"
        "users"
        "users_default"
        "notifications"
        "third_party_invite"
        "join_authorised_via_users_server"
        // common values
        "m.room.message"
        "m.room.member"
        "m.room.encrypted"
        "m.room.create"
        "m.room.power_levels"
        "m.room.join_rules"
        "m.room.history_visibility"
        "m.room.name"
        "m.room.topic"
        "m.room.redaction"
        "m.reaction"
        "m.text"
        "m.notice"
        "m.annotation"
        "m.thread"
        "m.replace"
        "m.reference"
        "m.megolm.v1.aes-sha2"
        "join"
        "leave"
        "public"
        "shared"
    |]

    [<Literal>]
    let private Slots = 1024

    // Cheap, and good enough for short chains: the table is fixed, so nobody can make it worse.
    let private slot (utf8: ReadOnlySpan<byte>) =
        let n = utf8.Length

        ((n * 131)
         + (int utf8[0] * 31)
         + (int utf8[n / 2] * 17)
         + (int utf8[n - 1] * 7)
         + (int utf8[(n * 3) / 4] * 3))
        &&& (Slots - 1)

    let private longest = all |> Array.map (fun s -> s.Length) |> Array.max

    let private table: struct (byte[] * string)[][] =
        let slots = Array.create Slots [||]

        for s in all do
            let bytes = Encoding.UTF8.GetBytes s
            let i = slot (ReadOnlySpan<byte> bytes)
            slots[i] <- Array.append slots[i] [| struct (bytes, s) |]

        slots

    /// The string of these UTF-8 bytes, which must be valid.
    let get (utf8: ReadOnlySpan<byte>) : string =
        if utf8.Length = 0 then
            ""
        elif utf8.Length > longest then
            Encoding.UTF8.GetString utf8
        else
            let chain = table[slot utf8]
            let mutable i = 0
            let mutable found = Unchecked.defaultof<string>

            while i < chain.Length do
                let struct (bytes, s) = chain[i]

                if utf8.SequenceEqual(ReadOnlySpan<byte> bytes) then
                    found <- s
                    i <- chain.Length
                else
                    i <- i + 1

            if isNull (box found) then
                Encoding.UTF8.GetString utf8
            else
                found
