using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>The parts of a room that joined and left rooms have in common, as JSON.</summary>
internal sealed class RoomWriter(ClientEvents clientEvents)
{
    /// <summary>`timeline`.</summary>
    public void Timeline(SyncTurn turn, Timeline timeline, Dictionary<EventNid, EventExtras> extras)
    {
        var output = turn.Output;
        output.Open("timeline"u8);
        output.Name("events"u8);
        output.Byte((byte)'[');
        foreach (var stored in timeline.Events) Event(turn, stored, extras.GetValueOrDefault(stored.Nid));
        output.Byte((byte)']');
        output.Name("limited"u8);
        output.Raw(timeline.Limited ? "true"u8 : "false"u8);
        output.Name("prev_batch"u8);
        output.Text(timeline.Start.ToString());
        output.Close();
    }

    /// <summary>`state` or `state_after`.</summary>
    public void State(SyncTurn turn, IReadOnlyList<StoredEvent> state, Dictionary<EventNid, EventExtras> extras)
    {
        turn.Output.OpenEvents(turn.Request.UseStateAfter ? "state_after"u8 : "state"u8);
        foreach (var stored in state) Event(turn, stored, extras.GetValueOrDefault(stored.Nid));
        turn.Output.CloseEvents();
    }

    /// <summary>`account_data`.</summary>
    public static void AccountData(SyncTurn turn, IReadOnlyList<AccountDataRow> rows)
    {
        turn.Output.OpenEvents("account_data"u8);
        foreach (var row in rows) turn.Output.TypedContent(row.Type, row.Content.Span);
        turn.Output.CloseEvents();
    }

    /// <summary>`summary`.</summary>
    public static void Summary(SyncTurn turn, Summary summary)
    {
        var output = turn.Output;
        output.Open("summary"u8);
        if (summary.Heroes is { } heroes) output.Texts("m.heroes"u8, heroes.Select(hero => hero.Pdu.StateKey ?? ""));
        output.Number("m.joined_member_count"u8, summary.Joined);
        output.Number("m.invited_member_count"u8, summary.Invited);
        output.Close();
    }

    /// <summary>`ephemeral`: who types, and receipts.</summary>
    public static void Ephemeral(SyncTurn turn, IReadOnlyList<string>? typing, IReadOnlyList<ReceiptMark> receipts)
    {
        var output = turn.Output;
        output.OpenEvents("ephemeral"u8);
        if (typing is not null)
        {
            output.Next();
            output.Raw("{\"content\":{"u8);
            output.Texts("user_ids"u8, typing);
            output.Raw("},\"type\":\"m.typing\"}"u8);
        }

        // One event for each thread: a user can have read up to the same event in several ways.
        foreach (var byThread in Latest(receipts).GroupBy(receipt => receipt.ThreadId)) Receipts(turn, byThread);
        output.CloseEvents();
    }

    /// <summary>`unread_notifications`, and `unread_thread_notifications` if the filter asks for them.</summary>
    public static void Unread(SyncTurn turn, UnreadCounts unread, IReadOnlyDictionary<long, string> roots)
    {
        bool byThread = turn.Filter.Timeline.UnreadThreadNotifications;
        turn.Output.Name("unread_notifications"u8);
        if (byThread) Counts(turn, unread.Main.Notifications, unread.Main.Highlights);
        else Counts(turn, unread.Notifications, unread.Highlights);
        if (roots.Count == 0) return;

        turn.Output.Open("unread_thread_notifications"u8);
        foreach (var thread in unread.Threads)
        {
            if (!roots.TryGetValue(thread.Thread, out string? root)) continue;
            turn.Output.Name(root);
            Counts(turn, thread.Notifications, thread.Highlights);
        }

        turn.Output.Close();
    }

    private static void Receipts(SyncTurn turn, IEnumerable<ReceiptMark> receipts)
    {
        var output = turn.Output;
        output.Next();
        output.Raw("{\"content\":{"u8);
        foreach (var byEvent in receipts.GroupBy(receipt => receipt.EventId))
        {
            output.Name(byEvent.Key);
            output.Byte((byte)'{');
            foreach (var byType in byEvent.GroupBy(receipt => receipt.Type))
            {
                output.Name(byType.Key);
                output.Byte((byte)'{');
                foreach (var receipt in byType)
                {
                    output.Name(receipt.UserId);
                    output.Byte((byte)'{');
                    if (receipt.ThreadId.Length > 0)
                    {
                        output.Name("thread_id"u8);
                        output.Text(receipt.ThreadId);
                    }

                    output.Number("ts"u8, receipt.Timestamp);
                    output.Close();
                }

                output.Close();
            }

            output.Close();
        }

        output.Raw("},\"type\":\"m.receipt\"}"u8);
    }

    private static void Counts(SyncTurn turn, int notifications, int highlights)
    {
        turn.Output.Byte((byte)'{');
        turn.Output.Number("highlight_count"u8, highlights);
        turn.Output.Number("notification_count"u8, notifications);
        turn.Output.Close();
    }

    /// <summary>Of each user's receipts of one type and thread the last: an answer tells where they stand, not how they came there.</summary>
    private static IEnumerable<ReceiptMark> Latest(IReadOnlyList<ReceiptMark> receipts) => receipts
        .GroupBy(receipt => (receipt.UserId, receipt.Type, receipt.ThreadId))
        .Select(group => group.MaxBy(receipt => receipt.Position));

    private void Event(SyncTurn turn, StoredEvent stored, in EventExtras extras)
    {
        turn.Output.Next();
        if (turn.Filter.Fields is { } fields)
        {
            using var whole = new ByteBuffer(1024);
            Event(whole, turn, stored, in extras);
            if (JsonText.TryParseStored(whole.Written, out var read)) CanonicalJson.writeObject(turn.Output, fields.Apply(read));
            else turn.Output.Raw(whole.Written);
            return;
        }

        Event(turn.Output, turn, stored, in extras);
    }

    private void Event(ByteBuffer output, SyncTurn turn, StoredEvent stored, in EventExtras extras)
    {
        if (turn.Filter.IsFederationFormat) output.Raw(stored.Row.Json.Span);
        else clientEvents.Write(output, stored, turn.Reader, in extras, withRoomId: false);
    }
}
