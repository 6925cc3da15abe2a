using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Transactions;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Opening a database: ownership, and migrations of its schema.</summary>
internal sealed class OpeningTests(string kind) : StorageTests(kind)
{
    private static readonly Migration _more = new(
        Migration.All[^1].Number + 1,
        "more",
        "CREATE TABLE more (one INTEGER PRIMARY KEY);\nINSERT INTO more (one) VALUES (1);");

    private string _serverName = "example.org";
    private int _ownershipWaitMs = 5_000;

    protected override StorageOptions Adjust(StorageOptions options) =>
        options with { ServerName = _serverName, OwnershipWaitMs = _ownershipWaitMs };

    [Test]
    public async Task A_second_opener_is_refused_until_the_first_is_gone()
    {
        _ownershipWaitMs = 200;
        var refused = Fails(async () => await OpenAsync());
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Contain("in use by another process").And.Not.Contain("\n"));
    }

    [Test]
    public async Task A_database_can_be_opened_right_after_it_was_closed()
    {
        for (var n = 0; n < 10; n++)
        {
            await ReopenAsync();
        }

        Assert.That(await Write(Room(Kitchen)), Is.Positive);
    }

    [Test]
    public async Task Another_servers_database_is_refused()
    {
        await Store.DisposeAsync();
        _serverName = "other.org";
        var refused = Fails(async () => await OpenAsync());
        _serverName = "example.org";
        Store = await OpenAsync();

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Contain("example.org").And.Contains("other.org"));
    }

    [Test]
    public async Task Migrations_are_recorded_with_their_time_and_made_once()
    {
        var first = (await Store.Admin.MigrationsAsync(Stop))[0];
        await Store.DisposeAsync();
        Time.Advance(TimeSpan.FromDays(1));
        Store = await OpenAsync([.. Migration.All, _more]);

        var migrations = await Store.Admin.MigrationsAsync(Stop);

        Assert.That((first.Number, first.Name), Is.EqualTo((1, "ground")));
        Assert.That(migrations[0], Is.EqualTo(first));
        Assert.That((migrations[^1].Number, migrations[^1].Name), Is.EqualTo((_more.Number, "more")));
        Assert.That(migrations[^1].AppliedAt, Is.EqualTo(Time.GetUtcNow().ToUnixTimeMilliseconds()));
    }

    [Test]
    public async Task A_newer_schema_is_refused_in_one_clear_line()
    {
        await Store.DisposeAsync();
        await (await OpenAsync([.. Migration.All, _more])).DisposeAsync();

        var refused = Fails(async () => await OpenAsync());
        Store = await OpenAsync([.. Migration.All, _more]);

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(
            refused.Message,
            Does.Contain($"schema {Migration.All.Count + 1}").And.Contains("newer version").And.Not.Contain("\n"));
    }

    [Test]
    public async Task A_migration_that_was_cut_short_never_was_and_is_made_again()
    {
        await Write(Room(Kitchen));
        await Store.DisposeAsync();
        var third = new Migration(_more.Number + 1, "third", "CREATE TABLE third (one INTEGER PRIMARY KEY);");
        var cutShort = third with
        {
            Text = "CREATE TABLE third (one INTEGER PRIMARY KEY);\nINSERT INTO nowhere (one) VALUES (1);",
        };

        Assert.That(
            async () => await OpenAsync([.. Migration.All, _more, cutShort]),
            Throws.InstanceOf<StorageException>());
        Store = await OpenAsync([.. Migration.All, _more, third]);

        Assert.That(
            (await Store.Admin.MigrationsAsync(Stop)).TakeLast(2).Select(row => row.Name),
            Is.EqualTo(new[] { "more", "third" }));
        Assert.That(
            (await Store.Admin.TableSizesAsync(Stop)).Select(row => row.Table),
            Is.SupersetOf(new[] { "more", "third" }));
        Assert.That(await Store.Rooms.FindAsync(Kitchen, Stop), Is.Not.Null);
    }

    [Test]
    public async Task Messages_that_waited_in_a_database_of_before_still_wait_and_count_to_nobodys_share()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        const string columns = "INSERT INTO to_device (user_id, device_id, position, seq, json) VALUES ";
        var before = Migration.All[0] with
        {
            Text = Migration.All[0].Text + $"""

                {columns} ('{Alice}', 'A', 7, 1, x'6f6e65'), ('{Alice}', 'A', 7, 2, x'74776f'); -- SQLite only
                {columns} ('{Alice}', 'A', 7, 1, '\x6f6e65'), ('{Alice}', 'A', 7, 2, '\x74776f'); -- PostgreSQL only
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [before], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var waiting = await Store.ToDevice.OfDeviceAsync(Alice, "A", 0, 10, 10, Stop);
        var shares = await Store.ToDevice.WaitingAsync(Bob, [Alice], Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(
            waiting.Select(row => (row.Position, Text(row.Json))),
            Is.EqualTo(new[] { (7L, "one"), (7L, "two") }));
        Assert.That(shares, Is.Empty);
    }

    [Test]
    public async Task Messages_for_other_servers_that_waited_before_their_time_was_stored_count_from_now_on()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var at = Migration.All.Index().First(each => each.Item.Name == "stored_messages").Index;
        const string columns = "INSERT INTO outbound_messages (server_name, sender, position, seq, size, json) VALUES ";
        var before = Migration.All[at - 1] with
        {
            Text = Migration.All[at - 1].Text + $"""

                {columns} ('b.org', '{Alice}', 7, 1, 3, x'6f6e65'); -- SQLite only
                {columns} ('b.org', '{Alice}', 7, 1, 3, '\x6f6e65'); -- PostgreSQL only
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [.. Migration.All.Take(at - 1), before], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var now = DateTimeOffset.UtcNow;
        var old = await Store.OutboundMessages.CountStoredBeforeAsync(
            "b.org", now.AddMinutes(-10).ToUnixTimeMilliseconds(), Stop);
        var all = await Store.OutboundMessages.CountStoredBeforeAsync(
            "b.org", now.AddMinutes(10).ToUnixTimeMilliseconds(), Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That((old, all), Is.EqualTo((0L, 1L)));
    }

    [Test]
    public async Task Events_and_requests_of_a_database_without_commits_are_read_in_commit_order()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var (first, second, third) = (Live(Garden, 1).Value, Live(Kitchen, 1).Value, Live(Kitchen, 2).Value);
        const string columns =
            "INSERT INTO events (event_nid, position, step, standing, notify_class, sender, event_id";
        const string request = "INSERT INTO transactions (position, request, event_nid) VALUES";
        string Row(long nid, long position, int json) => $"""
            {columns}, json_id) VALUES ({nid}, {position}, 1, 0, 0, '@a:b', x'01246{json}', {json}); -- SQLite only
            {columns}, json) VALUES ({nid}, {position}, 1, 0, 0, '@a:b', '\x01246{json}', '{"{}"}'); -- PostgreSQL only
            """;
        var before = Migration.All.Take(7).ToArray();
        before[6] = before[6] with
        {
            Text = before[6].Text + $$"""

                {{Row(second, 7, 1)}}
                {{Row(third, 7, 2)}}
                {{Row(first, 9, 3)}}
                INSERT INTO event_json (json_id, json) VALUES (1, x'7b7d'), (2, x'7b7d'), (3, x'7b7d'); -- SQLite only
                {{request}} (9, x'0000000000000000000000000000002a', {{first}}); -- SQLite only
                {{request}} (9, '\x0000000000000000000000000000002a', {{first}}); -- PostgreSQL only
                {{request}} (11, x'0000000000000000000000000000002b', NULL); -- SQLite only
                {{request}} (11, '\x0000000000000000000000000000002b', NULL); -- PostgreSQL only
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, before, Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var rows = await Store.Events.AfterPositionAsync(0, 20, 10, Stop);
        var requests = await Store.Transactions.LatestAsync(10, 0, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(rows.Select(row => row.Nid.Value), Is.EqualTo(new[] { second, third, first }));
        Assert.That(
            requests,
            Is.EqualTo(new[] { new TransactionRow(43, EventNid.None), new TransactionRow(42, Live(Garden, 1)) }));
    }

    [Test]
    public async Task Requests_on_record_in_a_database_of_before_are_known_in_its_new_form()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var nid = Live(Kitchen, 1).Value;
        const string columns =
            "INSERT INTO events (event_nid, position, step, standing, notify_class, sender, event_id";
        const string request = "INSERT INTO transactions (period, request, event_nid) VALUES";
        var before = Migration.All[0] with
        {
            Text = Migration.All[0].Text + $"""

                {columns}, json_id) VALUES ({nid}, 7, 1, 0, 0, '@a:b', x'01', 1); -- SQLite only
                {columns}, json) VALUES ({nid}, 7, 1, 0, 0, '@a:b', '\x01', '{"{}"}'); -- PostgreSQL only
                {request} (1, x'0000000000000000000000000000002a', {nid}); -- SQLite only
                {request} (1, '\x0000000000000000000000000000002a', {nid}); -- PostgreSQL only
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [before], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var known = await Store.Transactions.LatestAsync(10, 0, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(known, Is.EqualTo(new[] { new TransactionRow(42, Live(Kitchen, 1)) }));
    }

    [Test]
    public async Task Users_who_were_deactivated_earlier_and_are_still_in_rooms_leave_them()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        const string User = "INSERT INTO users (user_id, kind, is_admin, erased, created_at, deactivated_at) VALUES";
        const string Member =
            "INSERT INTO memberships (room_nid, event_nid, position, membership, is_local, forgotten, user_id) "
                + "VALUES (1, 1, 1,";
        var before = Migration.All[2] with
        {
            Text = Migration.All[2].Text + $"""

                {User} ('@invited:b', 0, 0, 0, 1, 2), ('@left:b', 0, 0, 0, 1, 2), ('@here:b', 0, 0, 0, 1, NULL);
                {Member} {(int)Membership.Invite}, 1, 0, '@invited:b');
                {Member} {(int)Membership.Leave}, 1, 0, '@left:b');
                {Member} {(int)Membership.Join}, 1, 0, '@here:b');
                """,
        };
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, [.. Migration.All.Take(2), before], Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var departures = await Store.Accounts.ListDeparturesAsync("", 9, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(departures, Is.EqualTo(new[] { "@invited:b" }));
    }

    [Test]
    public async Task Threads_that_another_room_has_moved_are_repaired()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        static string Hex(EventNid nid) => Convert.ToHexStringLower(EventIdCode.Encode(IdOf(nid)));
        const string thread = "INSERT INTO threads (room_nid, count, latest_nid, root_id)";
        const string relation =
            "INSERT INTO relations (event_nid, origin_server_ts, rel_type, event_type, sender, parent_id)";
        static string Both(string insert, string values, EventNid id) => $"""
            {insert} VALUES ({values}, x'{Hex(id)}'); -- SQLite only
            {insert} VALUES ({values}, '\x{Hex(id)}'); -- PostgreSQL only
            """;
        var foreign = Live(Garden, 9).Value;
        Migration[] before =
        [
            .. Migration.All.Where(migration => migration.Number < 3),
            Migration.All[2] with
            {
                Text = string.Join('\n', [
                    Migration.All[2].Text,
                    Both(
                        relation,
                        $"{Live(Kitchen, 2).Value}, 1, 'm.thread', 'm.room.message', '@a:b'",
                        Live(Kitchen, 1)),
                    Both(
                        relation,
                        $"{Live(Kitchen, 3).Value}, 1, 'm.thread', 'm.room.message', '@a:b'",
                        Live(Kitchen, 1)),
                    Both(relation, $"{foreign}, 1, 'm.thread', 'm.room.message', '@a:b'", Live(Kitchen, 1)),
                    Both(thread, $"{Kitchen.Value}, 2, {foreign}", Live(Kitchen, 1)),
                    Both(thread, $"{Kitchen.Value}, 1, {foreign}", Live(Kitchen, 5)),
                    Both(thread, $"{Garden.Value}, 1, {foreign}", Live(Kitchen, 1)),
                ]),
            },
        ];
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        await (await StorageEngine.OpenAsync(options, before, Stop)).DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var kitchen = await Store.Relations.ThreadsAsync(Kitchen, null, Alice, false, 9, Stop);
        var garden = await Store.Relations.ThreadsAsync(Garden, null, Alice, false, 9, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(kitchen, Is.EqualTo(new[] { new ThreadRow(IdOf(Live(Kitchen, 1)), Live(Kitchen, 3), 2, false) }));
        Assert.That(
            garden,
            Is.EqualTo(new[] { new ThreadRow(IdOf(Live(Kitchen, 1)), new EventNid(foreign), 1, false) }));
    }

    [TestCase("")]
    [TestCase("sqlite:")]
    [TestCase("mysql://localhost/x")]
    [TestCase("postgres://localhost")]
    public void A_url_of_another_form_is_refused(string url) => Assert.That(
        Fails(async () => await StorageEngine.OpenAsync(Options() with { Url = url }, Stop)).Failure,
        Is.EqualTo(StorageFailure.Refused));

    [Test]
    public async Task Sizes_are_returned_by_table_and_by_room()
    {
        await Write(
            Room(Kitchen), Room(Garden), Event(Live(Kitchen, 1)), Event(Live(Kitchen, 2)), Event(Live(Garden, 1)));

        var tables = await Store.Admin.TableSizesAsync(Stop);
        var rooms = await Store.Admin.RoomSizesAsync(1, Stop);

        Assert.That(tables.Single(row => row.Table == "events").Bytes, Is.Positive);
        Assert.That((rooms.Single().RoomId, rooms.Single().Events), Is.EqualTo((RoomIdOf(Kitchen), 2)));
        Assert.That(rooms.Single().EventBytes, Is.EqualTo(2 * Event(Live(Kitchen, 1)).Json.Length));
        Assert.That(Store.Admin.Engine, Does.StartWith(IsSqlite ? "SQLite 3." : "PostgreSQL "));
    }

    [Test]
    public async Task An_operator_looks_at_a_database_that_a_server_has_open()
    {
        await Write(Room(Kitchen), Event(Live(Kitchen, 1)));
        await using var looked = await StorageEngine.InspectAsync(Options(), Stop);
        await Write(Event(Live(Kitchen, 2)));

        Assert.That((await looked.Admin.RoomSizesAsync(9, Stop)).Single().Events, Is.EqualTo(2));
        Assert.That((await looked.Admin.MigrationsAsync(Stop)).Select(row => row.Name), Does.Contain("ground"));
    }

    [Test]
    public async Task An_operator_looks_at_a_database_that_nobody_has_open()
    {
        await Write(Room(Kitchen), Event(Live(Kitchen, 1)));
        await Store.DisposeAsync();
        await using (var looked = await StorageEngine.InspectAsync(Options(), Stop))
        {
            Assert.That((await looked.Admin.RoomSizesAsync(9, Stop)).Single().Events, Is.EqualTo(1));
        }

        Store = await OpenAsync();
        await Write(Event(Live(Kitchen, 2)));
    }

    [Test]
    public async Task A_database_newer_than_the_operators_tool_is_refused()
    {
        await Store.DisposeAsync();
        Store = await OpenAsync([.. Migration.All, _more]);

        var refused = Fails(async () => await StorageEngine.InspectAsync(Options(), Stop));

        Assert.That(
            (refused.Failure, refused.Message.Contains("newer version", StringComparison.Ordinal)),
            Is.EqualTo((StorageFailure.Refused, true)));
    }
}
