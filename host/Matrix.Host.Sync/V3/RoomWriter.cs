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
    public void Timeline(SyncPass pass, Timeline timeline, Dictionary<EventNid, EventExtras> extras)
    {
        var output = pass.Output;
        output.Open("timeline"u8);
        output.Name("events"u8);
        output.Byte((byte)'[');
        foreach (var stored in timeline.Events) Event(pass, stored, extras.GetValueOrDefault(stored.Nid));
        output.Byte((byte)']');
        output.Name("limited"u8);
        output.Raw(timeline.Limited ? "true"u8 : "false"u8);
        output.Name("prev_batch"u8);
        output.Text(timeline.Start.ToString());
        output.Close();
    }

    /// <summary>`state` or `state_after`.</summary>
    public void State(SyncPass pass, IReadOnlyList<StoredEvent> state, Dictionary<EventNid, EventExtras> extras)
    {
        pass.Output.OpenEvents(pass.Request.UseStateAfter ? "state_after"u8 : "state"u8);
        foreach (var stored in state) Event(pass, stored, extras.GetValueOrDefault(stored.Nid));
        pass.Output.CloseEvents();
    }

    /// <summary>`account_data`.</summary>
    public static void AccountData(SyncPass pass, IReadOnlyList<AccountDataRow> rows)
    {
        pass.Output.OpenEvents("account_data"u8);
        foreach (var row in rows) pass.Output.TypedContent(row.Type, row.Content.Span);
        pass.Output.CloseEvents();
    }

    /// <summary>`summary`.</summary>
    public static void Summary(SyncPass pass, Summary summary)
    {
        var output = pass.Output;
        output.Open("summary"u8);
        if (summary.Heroes is { } heroes) output.Texts("m.heroes"u8, heroes.Select(hero => hero.Pdu.StateKey ?? ""));
        output.Number("m.joined_member_count"u8, summary.Joined);
        output.Number("m.invited_member_count"u8, summary.Invited);
        output.Close();
    }

    /// <summary>`ephemeral`: who types, and receipts.</summary>
    public static void Ephemeral(SyncPass pass, IReadOnlyList<string>? typing, IReadOnlyList<ReceiptMark> receipts)
    {
        var output = pass.Output;
        output.OpenEvents("ephemeral"u8);
        if (typing is not null)
        {
            output.Next();
            output.Raw("{\"content\":{"u8);
            output.Texts("user_ids"u8, typing);
            output.Raw("},\"type\":\"m.typing\"}"u8);
        }

        // One event for each thread: a user can have read up to the same event in several ways.
        foreach (var byThread in Latest(receipts).GroupBy(receipt => receipt.ThreadId)) Receipts(pass, byThread);
        output.CloseEvents();
    }

    /// <summary>`unread_notifications`, and `unread_thread_notifications` if the filter asks for them.</summary>
    public static void Unread(SyncPass pass, UnreadCounts unread, IReadOnlyDictionary<long, string> roots)
    {
        bool byThread = pass.Filter.Timeline.UnreadThreadNotifications;
        pass.Output.Name("unread_notifications"u8);
        if (byThread) Counts(pass, unread.Main.Notifications, unread.Main.Highlights);
        else Counts(pass, unread.Notifications, unread.Highlights);
        if (roots.Count == 0) return;

        pass.Output.Open("unread_thread_notifications"u8);
        foreach (var thread in unread.Threads)
        {
            if (!roots.TryGetValue(thread.Thread, out string? root)) continue;
            pass.Output.Name(root);
            Counts(pass, thread.Notifications, thread.Highlights);
        }

        pass.Output.Close();
    }

    private static void Receipts(SyncPass pass, IEnumerable<ReceiptMark> receipts)
    {
        var output = pass.Output;
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

    private static void Counts(SyncPass pass, int notifications, int highlights)
    {
        pass.Output.Byte((byte)'{');
        pass.Output.Number("highlight_count"u8, highlights);
        pass.Output.Number("notification_count"u8, notifications);
        pass.Output.Close();
    }

    /// <summary>Of each user's receipts of one type and thread the last: an answer tells where they stand, not how they came there.</summary>
    private static IEnumerable<ReceiptMark> Latest(IReadOnlyList<ReceiptMark> receipts) => receipts
        .GroupBy(receipt => (receipt.UserId, receipt.Type, receipt.ThreadId))
        .Select(group => group.MaxBy(receipt => receipt.Position));

    private void Event(SyncPass pass, StoredEvent stored, in EventExtras extras)
    {
        pass.Output.Next();
        if (pass.Filter.Fields is { } fields)
        {
            using var whole = new ByteBuffer(1024);
            Event(whole, pass, stored, in extras);
            if (JsonText.TryParseStored(whole.Written, out var read)) CanonicalJson.writeObject(pass.Output, fields.Apply(read));
            else pass.Output.Raw(whole.Written);
            return;
        }

        Event(pass.Output, pass, stored, in extras);
    }

    private void Event(ByteBuffer output, SyncPass pass, StoredEvent stored, in EventExtras extras)
    {
        if (pass.Filter.IsFederationFormat) output.Raw(stored.Row.Json.Span);
        else clientEvents.Write(output, stored, pass.Reader, in extras, withRoomId: false);
    }
}
