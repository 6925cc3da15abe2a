namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The limits on requests, users and rooms.</summary>
    private static ConfigKey[] LimitKeys() =>
    [
        Key(
            "limits.body", ConfigTypes.FewBytes(4 << 10, 64 << 20), c => c.Http.Body,
            "The body of any request not named below."),
        Key(
            "limits.event_body", ConfigTypes.FewBytes(64 << 10, 64 << 20), c => c.Http.EventBody,
            "The body of an event or of account data. An event may have 64 KiB, to which escapes and whitespace of the "
                + "body do not count."),
        Key(
            "limits.large_body", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.Http.LargeBody,
            "The body of an upload of keys, of messages to devices, or of a room's creation."),
        Key(
            "limits.client_bodies", ConfigTypes.Bytes(8 << 20, 64L << 30), c => c.Http.ClientBodies,
            "Memory that clients' bodies of more than 16 KiB take at once, at eight times their bytes: what they "
                + "become when they are read. One user, application service, or address without a token has an "
                + "eighth, and no more than is left for others. Further requests of the same caller wait."),
        Key(
            "limits.client_responses", ConfigTypes.Bytes(16 << 20, 64L << 30), c => c.Http.ClientResponses,
            "Memory that large responses to clients take at once, shared in the same way."),
        Key(
            "limits.large_response", ConfigTypes.FewBytes(1 << 20, 1 << 30), c => c.Http.LargeResponse,
            "Memory that is reserved for one large response, such as a sync, a page of events or a state, while it is "
                + "written and read by the client. It is written in steps, so a response may be larger."),
        Key(
            "limits.page_bytes", ConfigTypes.FewBytes(64 << 10, 64 << 20), c => c.Reading.PageBytes,
            "Bytes of events after which a page ends, whatever its limit: its token goes on from there. The same of a "
                + "timeline in a sync, and of the messages to a device."),
        Key(
            "limits.memory_wait", ConfigTypes.Duration, c => c.Http.MemoryWait,
            "The time that a request waits for such memory. Then an incremental sync gets an empty response with its "
                + "own token, and other requests get 429."),
        Key(
            "limits.waiting_requests", ConfigTypes.Whole(1, 100_000), c => c.Http.WaitingRequests,
            "Requests of one caller that wait for such memory; more get that answer at once."),
        Key(
            "limits.client_rate", ConfigTypes.FewBytes(1, 1 << 30), c => c.Http.ClientRate,
            "Bytes a second at which a client must send a body and read a response, after ten seconds."),
        Key(
            "limits.transaction_body", ConfigTypes.FewBytes(4 << 20, 256 << 20), c => c.Http.TransactionBody,
            "The body of another server's transaction, which has up to 50 events of 64 KiB and 100 other units."),
        Key(
            "limits.federation_bodies", ConfigTypes.Bytes(16 << 20, 64L << 30), c => c.Http.FederationBodies,
            "Memory that other servers' bodies take at once, by an estimate of what each becomes when it is read: more "
                + "than its bytes. One address has a quarter. More requests are refused, and sent again later."),
        Key(
            "limits.federation_key_time", ConfigTypes.Duration, c => c.Http.FederationKeyTime,
            "The time that a request of another server waits for that server's keys."),
        Key(
            "limits.federation_body_time", ConfigTypes.Duration, c => c.Http.FederationBodyTime,
            "The time in which another server's body must arrive."),
        Key(
            "limits.federation_body_rate", ConfigTypes.FewBytes(1, 1 << 30), c => c.Http.FederationBodyRate,
            "Bytes a second at which another server's body must arrive."),
        Key(
            "limits.federation_responses", ConfigTypes.Bytes(16 << 20, 64L << 30), c => c.Http.FederationResponses,
            "Bytes of responses to other servers that are held at once until they are sent, such as states. Several to "
                + "one server have a quarter. More requests get 429."),
        Key(
            "limits.federation_response_rate", ConfigTypes.FewBytes(1, 1 << 30), c => c.Http.FederationResponseRate,
            "Bytes a second at which another server must read a response."),
        Key(
            "limits.federation_response_time", ConfigTypes.Duration, c => c.Http.FederationResponseTime,
            "The time in which another server must read a response."),
        Key(
            "limits.federation_connections", ConfigTypes.Whole(10), c => c.Connections.Federation,
            "Connections of other servers at once; more are closed."),
        Key(
            "limits.request_signatures", ConfigTypes.Whole(1, 100), c => c.Federation.MaxSignatures,
            "Signatures of another server's request that are tried, one for each of its keys."),
        Key("limits.headers", ConfigTypes.Whole(16, 1000), c => c.Connections.Headers, "Headers of a request."),
        Key(
            "limits.header_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Connections.HeaderBytes,
            "Bytes of all headers of a request."),
        Key(
            "limits.request_line", ConfigTypes.FewBytes(1 << 10, 1 << 20), c => c.Connections.RequestLineBytes,
            "Bytes of a request's method, path and query."),
        Key(
            "limits.header_time", ConfigTypes.Duration, c => c.Connections.HeaderTime,
            "The time for a request's first line and headers to arrive."),
        Key(
            "limits.connections", ConfigTypes.Whole(10), c => c.Connections.Most,
            "Connections of one listener at once; more are closed."),
        Key(
            "limits.info_uri", ConfigTypes.HttpUrl, c => c.Client.LimitsInfo,
            "A web page about the limits of accounts, which clients show to a user who reaches one; \"\" for none."),
        Key(
            "limits.devices", ConfigTypes.Whole(1, 100_000), c => c.Users.Devices,
            "Devices of one user; more logins are refused."),
        Key(
            "limits.account_data", ConfigTypes.Whole(1, 10_000_000), c => c.Users.AccountData,
            "Pieces of account data of one user, including account data of rooms."),
        Key(
            "limits.account_data_bytes", ConfigTypes.Bytes(64 << 10, 1L << 40), c => c.Users.AccountDataBytes,
            "Bytes of this account data, with 200 added to each piece."),
        Key(
            "limits.delayed_events", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Delays.MaxOfUser,
            "Events of one user that wait to be sent after a delay; more are refused."),
        Key(
            "limits.delayed_events_of_all", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Delays.MaxAll,
            "The same of all users."),
        Key(
            "limits.longest_delay", ConfigTypes.Duration, c => c.Rooms.Delays.Longest,
            "The longest delay of such an event; a longer one is refused, and the client is told this one."),
        Key(
            "limits.thread_subscriptions", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxThreadSubscriptions,
            "Threads to which one user is subscribed, and those to which they were: beyond this the latter are "
                + "forgotten, and then more are refused."),
        Key("limits.filters", ConfigTypes.Whole(1, 100_000), c => c.Users.Filters, "Different filters of one user."),
        Key(
            "limits.filter_bytes", ConfigTypes.Bytes(64 << 10, 1L << 40), c => c.Users.FilterBytes,
            "Bytes of these filters, with 200 added to each."),
        Key(
            "limits.push_rules", ConfigTypes.Whole(1, 100_000), c => c.Users.PushRules,
            "Push rules of each kind added by one user."),
        Key(
            "limits.push_rule_bytes", ConfigTypes.FewBytes(8 << 10, 16 << 20), c => c.Users.PushRuleBytes,
            "All push rules of one user, the server's included, as JSON."),
        Key(
            "limits.push_pattern_steps", ConfigTypes.Whole(10_000, 1_000_000_000), c => c.Rooms.PushPatternSteps,
            "Characters of one event that the patterns of one user's push rules read, all together; patterns beyond "
                + "that do not match."),
        Key(
            "limits.pushers", ConfigTypes.Whole(1, 10_000), c => c.Users.Pushers,
            "Pushers of one user: addresses at which push gateways reach the user's devices."),
        Key(
            "limits.notification_batches", ConfigTypes.Whole(10, 1_000_000), c => c.Reading.MaxNotificationBatches,
            "Batches of events of all rooms that one page of the list of notifications looks through."),
        Key(
            "limits.one_time_keys", ConfigTypes.Whole(50, 100_000), c => c.Keys.MaxOneTimeKeys,
            "Unclaimed one-time keys of one algorithm and device."),
        Key(
            "limits.key_algorithms", ConfigTypes.Whole(2, 1000), c => c.Keys.MaxKeyAlgorithms,
            "Algorithms of a device's one-time and fallback keys."),
        Key(
            "limits.key_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxKeyBytes,
            "Bytes of one key with its signatures, or of one key in a backup."),
        Key(
            "limits.device_key_bytes", ConfigTypes.Bytes(64 << 10, 1L << 40), c => c.Keys.MaxDeviceKeyBytes,
            "Bytes of the identity, one-time and fallback keys of one user's devices together, with 200 added to each "
                + "key. One-time keys that were claimed count until the device's next upload."),
        Key(
            "limits.key_signatures", ConfigTypes.Whole(10, 10_000_000), c => c.Keys.MaxKeySignatures,
            "Signatures that one user has made on keys, of the own devices and of others."),
        Key(
            "limits.dehydrated_device_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxDehydratedBytes,
            "Bytes of the data of a dehydrated device."),
        Key(
            "limits.key_query_users", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxUsersPerQuery,
            "Users in one key query."),
        Key(
            "limits.key_claims", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxClaims,
            "One-time keys claimed by one request."),
        Key(
            "limits.to_device_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxToDeviceBytes,
            "Bytes of one message to a device."),
        Key(
            "limits.to_device_messages", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxToDeviceMessages,
            "Devices to which one request sends messages."),
        Key(
            "limits.to_device_inbox", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Keys.MaxToDeviceWaiting,
            "Bytes of one sender's messages that wait for one device, with half a KiB added to each. Beyond this the "
                + "sender's messages are refused; those of another server's user are dropped."),
        Key(
            "limits.to_device_inbox_of_server", ConfigTypes.Bytes(64 << 10, 4L << 30),
            c => c.Keys.MaxToDeviceWaitingOfServer,
            "The same for the messages of all users of one other server. Beyond this its messages are dropped."),
        Key(
            "limits.to_device_outbox", ConfigTypes.Bytes(64 << 10, 64L << 30), c => c.Keys.MaxToDeviceOwed,
            "Bytes of messages that wait for one other server, with half a KiB added to each. Beyond this messages to "
                + "its users are refused; others of the same request are sent."),
        Key(
            "limits.to_device_outbox_of_sender", ConfigTypes.Bytes(64 << 10, 64L << 30),
            c => c.Keys.MaxToDeviceOwedOfSender,
            "Bytes of one sender's messages that wait for other servers, measured in the same way."),
        Key(
            "limits.to_device_outbox_servers", ConfigTypes.Whole(1, 1_000_000), c => c.Keys.MaxToDeviceServers,
            "Servers with which a sender shares no room that the sender's messages wait for. Beyond this messages for "
                + "further ones are refused."),
        Key(
            "limits.remembered_messages", ConfigTypes.Whole(100, 10_000_000), c => c.Keys.RememberedMessages,
            "Ids of one other server's latest messages to devices that are remembered: a message that comes again is "
                + "not delivered again."),
        Key(
            "limits.backup_keys", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxBackupKeys,
            "Keys in one request to a backup."),
        Key(
            "limits.backups", ConfigTypes.Whole(2, 10_000), c => c.Keys.MaxBackups,
            "Backups of one user."),
        Key(
            "limits.backup_keys_of_user", ConfigTypes.Whole(1, 1_000_000_000), c => c.Keys.MaxBackupKeysOfUser,
            "Keys in all backups of one user together."),
        Key(
            "limits.backup_bytes_of_user", ConfigTypes.Bytes(64 << 10, 1L << 40), c => c.Keys.MaxBackupBytesOfUser,
            "Bytes of these keys, with 300 added to each."),
        Key(
            "limits.rooms_of_user", ConfigTypes.Whole(1, 100_000_000), c => c.Rooms.MaxCreatedRooms,
            "Rooms that one user has created and this server has; more are refused. Application services have no "
                + "such bound."),
        Key(
            "limits.aliases_of_user", ConfigTypes.Whole(1, 100_000_000), c => c.Rooms.MaxAliases,
            "Aliases that one user has created, bounded in the same way."),
        Key(
            "limits.initial_invites", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialInvites,
            "Users invited by the creation of a room."),
        Key(
            "limits.initial_state", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialState,
            "State events in a request to create a room."),
        Key(
            "limits.open_invites", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxOpenInvites,
            "Rooms of other servers that a user is invited to, or knocks on; further invites are refused."),
        Key(
            "limits.ended_invites", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxEndedInvites,
            "Ended invites and knocks of a user that are kept for devices that have not seen the end."),
        Key(
            "limits.stripped_events", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxStrippedEvents,
            "Events of the state that another server sends with an invite or knock; further ones are dropped."),
        Key(
            "limits.stripped_bytes", ConfigTypes.FewBytes(1 << 10, 16 << 20), c => c.Rooms.MaxStrippedBytes,
            "Bytes of these events."),
        Key(
            "limits.directory_members", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxDirectoryMembers,
            "Members of a room that are read when another server resolves one of its aliases, for the list of the "
                + "room's servers."),
        Key(
            "limits.directory_servers", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxDirectoryServers,
            "Servers in that list."),
        Key(
            "limits.departure_pause", ConfigTypes.Duration, c => c.Rooms.LongestDeparturePause,
            "The longest pause between attempts to make a deactivated user leave a room."),
        Key(
            "limits.departure_time", ConfigTypes.Duration, c => c.Rooms.DepartureTime,
            "How long a deactivation waits until the user has left all rooms. The rest goes on after it."),
        Key(
            "limits.departures_at_once", ConfigTypes.Whole(1, 1000), c => c.Rooms.DeparturesAtOnce,
            "Rooms that a deactivated user leaves at once."),
        Key(
            "limits.room_queue", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxWaitingPerLane,
            "Requests that wait for one room; more get an error and may retry."),
        Key(
            "limits.room_speculation", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxSpeculation,
            "Events of one room that wait for the disk while the next ones are made."),
        Key(
            "limits.prev_events", ConfigTypes.Whole(1, 20), c => c.Rooms.MaxPrevEvents,
            "Forward extremities that a new event takes as prev_events."),
        Key(
            "limits.waiting_redactions", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxWaitingRedactions,
            "Redactions of one room that wait for missing events; the earliest are dropped first."),
        Key(
            "limits.related_events", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxChildren,
            "Related events of one event that are checked for their visibility to a user."),
        Key(
            "limits.relation_depth", ConfigTypes.Whole(1, 10), c => c.Storage.MaxRelationDepth,
            "Generations of relations that a request with `recurse` follows."),
        Key(
            "limits.scan_time", ConfigTypes.Duration, c => c.Reading.LongestScan,
            "The longest time that one request scans for events that pass its filter; its pagination token continues "
                + "from there."),
        Key(
            "limits.public_rooms", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxPublicRooms,
            "Rooms in a page of the directory of published rooms."),
        Key(
            "limits.public_rooms_scanned", ConfigTypes.Whole(1, 10_000_000), c => c.Rooms.MaxScannedPublicRooms,
            "Published rooms that one search looks at."),
        Key(
            "limits.upgrade_bans", ConfigTypes.Whole(0, 100_000), c => c.Rooms.MaxUpgradeBans,
            "Bans of a replaced room that its replacement begins with; further ones follow in batches. 0 for no bans "
                + "at all."),
        Key(
            "limits.waiting_followers", ConfigTypes.Whole(1, 10_000_000), c => c.Rooms.MaxWaitingFollowers,
            "Joins that wait until the settings for a replaced room are copied; further ones get no copies."),
        Key(
            "limits.reports", ConfigTypes.Whole(1, 100_000_000), c => c.Rooms.MaxReports,
            "Reports of events, rooms and users that are kept for the operators; the oldest are deleted."),
        Key(
            "limits.reports_of_user", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxReportsOfUser,
            "The same, of one user; the user's oldest are deleted."),
        Key(
            "limits.mutual_rooms", ConfigTypes.Whole(1, 10_000), c => c.Client.MaxMutualRooms,
            "Rooms in a page of the rooms that two users share."),
        Key(
            "limits.hierarchy_rooms", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxHierarchyRooms,
            "Rooms in a response about the rooms of a space."),
        Key(
            "limits.hierarchy_visited", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxVisitedHierarchyRooms,
            "Rooms that are visited to continue such a response."),
        Key(
            "limits.hierarchy_depth", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxHierarchyDepth,
            "Levels of spaces in spaces."),
        Key(
            "limits.space_children", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxSpaceChildren,
            "Children of one space that are considered."),
        Key(
            "limits.events_near_time", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxEventsNearTime,
            "Events that are looked at for the one closest to a time."),
        Key(
            "limits.history_fetches", ConfigTypes.Whole(0, 100), c => c.Reading.MaxHistoryFetches,
            "Pages of older history that are fetched from other servers for one request of a client."),
        Key(
            "limits.receipt_threads", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxReceiptThreads,
            "Threads of a room in which a user's receipts are kept; the most recently moved stay."),
        Key(
            "limits.receipt_relations", ConfigTypes.Whole(1, 100), c => c.Reading.MaxReceiptRelations,
            "Relations between an event and the root of the thread that a receipt at this event names."),
        Key(
            "limits.received_receipts", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxReceivedReceipts,
            "Receipts in one transaction of another server; further ones are ignored."),
        Key(
            "limits.early_receipts", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxEarlyReceipts,
            "Receipts of other servers that came before their event and wait for it. Beyond this the server with the "
                + "most of them loses its oldest."),
        Key(
            "limits.early_receipts_of_server", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxEarlyReceiptsOfServer,
            "The same, of one server."),
    ];
}
