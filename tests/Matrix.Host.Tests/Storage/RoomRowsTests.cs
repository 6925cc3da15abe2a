using System.Text.RegularExpressions;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.RoomRows;

namespace Matrix.Host.Tests.Storage;

/// <summary>The list of tables with rows of rooms, compared with the schema.</summary>
internal sealed partial class RoomRowsTests(string kind) : StorageTests(kind)
{
    /// <summary>
    /// Columns that name a room in rows that are not the room's: what users reported, keys that users back up, invites
    /// of users, rooms that administrators block, the room that the deletion deletes first with its delayed events.
    /// </summary>
    private static readonly string[] _others =
    [
        "reports.room_id", "backup_keys.room_id", "stripped_rooms.room_id", "blocked_rooms.room_id",
        "rooms.room_nid", "rooms.room_id", "delayed_events.room_id",
    ];

    /// <summary>Tables that are emptied with the events, or user by user.</summary>
    private static readonly string[] _withOthers = ["commits", "unread", "account_data"];

    [GeneratedRegex(@"^CREATE TABLE (\w+) \((.*?)^\)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Tables();

    [GeneratedRegex(@"^\s*(room_nid|room_id|\w*_nid|step_key|node_key|json_id)\s", RegexOptions.Multiline)]
    private static partial Regex Columns();

    [Test]
    public void Every_table_that_names_rooms_or_events_is_emptied_with_the_room()
    {
        var named = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var migration in Migration.All)
        {
            foreach (Match table in Tables().Matches(migration.ForPostgres))
            {
                foreach (Match column in Columns().Matches(table.Groups[2].Value))
                {
                    var name = $"{table.Groups[1].Value}.{column.Groups[1].Value}";
                    if (!_others.Contains(name)) named.Add(table.Groups[1].Value);
                }
            }
        }

        // Tables that later migrations renamed or dropped.
        named.ExceptWith(["transactions", "transactions_in_order", "transactions_without_event", "copied_events"]);
        Assert.That(named, Is.EquivalentTo(Store.RoomRows.Tables.Concat(_withOthers)));
    }

    [Test]
    public async Task A_table_is_emptied_in_parts_of_one_room_and_no_other()
    {
        await Write(Samples.Room(Samples.Kitchen), Samples.Room(Samples.Garden));
        for (uint i = 0; i < 5; i++)
        {
            await Write(Samples.Event(Samples.Live(Samples.Kitchen, i)));
            await Write(Samples.Event(Samples.Live(Samples.Garden, i)));
        }

        await Write(new RoomRowsDeleted(Samples.Kitchen, "events", 3));
        Assert.That(await Store.RoomRows.AnyAsync("events", Samples.Kitchen, Stop), Is.True);
        await Write(new RoomRowsDeleted(Samples.Kitchen, "events", 3));
        Assert.That(await Store.RoomRows.AnyAsync("events", Samples.Kitchen, Stop), Is.False);
        var after = await Store.Events.AfterPositionAsync(0, long.MaxValue, 99, Stop);
        Assert.That(after.Select(row => row.Nid.Room).Distinct(), Is.EqualTo(new[] { Samples.Garden }));
        Assert.That(after, Has.Count.EqualTo(5));
    }

    [Test]
    public async Task The_number_of_a_deleted_room_is_not_used_again()
    {
        await Write(Samples.Room(Samples.Kitchen), Samples.Room(Samples.Garden));
        Assert.That(await Applies(new RoomDeleted(Samples.Identity(Samples.Garden), [], 1)), Is.True);
        Assert.That(await Applies(new RoomDeleted(Samples.Identity(Samples.Garden), [], 1)), Is.False);
        Assert.That(await Store.Rooms.FindAsync(Samples.Garden, Stop), Is.Null);
        await ReopenAsync();
        Assert.That(Store.Rooms.NewNid().Value, Is.GreaterThan(Samples.Garden.Value));
    }
}
