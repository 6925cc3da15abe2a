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

/// <summary>Writes the parts of a room that joined and left rooms have in common.</summary>
internal sealed class RoomWriter(IAccountDataTable accountDataTable, EventStore events, ClientEvents clientEvents)
{
    /// <summary>Writes `timeline`, in steps.</summary>
    /// <param name="extras">Reads the extras of some of the events.</param>
    public async ValueTask TimelineAsync(
        SyncPass pass,
        Timeline timeline,
        Func<IReadOnlyList<StoredEvent>, ValueTask<EventExtras[]>> extras,
        CancellationToken stop)
    {
        var json = pass.Json;
        json.WriteStartEvents("timeline"u8);
        await TimelineEventsAsync(pass, timeline, extras, stop);
        json.WriteEndArray();
        json.WriteBoolean("limited"u8, timeline.Limited);
        json.WriteString("prev_batch"u8, timeline.Start.ToString());
        json.WriteEndObject();
    }

    /// <summary>The member for the state before or after the timeline.</summary>
    public static ReadOnlySpan<byte> StateName(SyncPass pass) => pass.Request.State switch
    {
        StateForm.After => "state_after"u8,
        StateForm.UnstableAfter => "org.matrix.msc4222.state_after"u8,
        _ => "state"u8,
    };

    /// <summary>Writes the events of a timeline as elements of an array.</summary>
    /// <param name="extras">Reads the extras of some of the events.</param>
    public async ValueTask TimelineEventsAsync(
        SyncPass pass,
        Timeline timeline,
        Func<IReadOnlyList<StoredEvent>, ValueTask<EventExtras[]>> extras,
        CancellationToken stop)
    {
        // Each event may bring others along: the one it replaced, its edit, the latest of its thread.
        for (var at = 0; at < timeline.Events.Count; at += EventStore.PortionEvents)
        {
            IReadOnlyList<StoredEvent> some = timeline.Events.Count <= EventStore.PortionEvents
                ? timeline.Events
                : [.. timeline.Events.Skip(at).Take(EventStore.PortionEvents)];
            var read = await extras(some);
            if (at > 0)
            {
                pass.Json.Flush();
                pass.Output.Byte((byte)',');
            }

            Events(pass, some, read);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes `state` or `state_after`, in steps.</summary>
    /// <param name="member">The user's member event at the latest of the events, or a later one.</param>
    public async ValueTask StateAsync(
        SyncPass pass, RoomIdentity room, IReadOnlyList<EventNid> state, EventNid member, CancellationToken stop)
    {
        pass.Json.WriteStartEvents(StateName(pass));
        await StateEventsAsync(pass, room, state, member, stop);
        pass.Json.WriteEndEvents();
    }

    /// <summary>Writes state events as elements of an array. Each portion is read after the one before was sent.
    /// </summary>
    /// <param name="member">The user's member event at the latest of the events, or a later one.</param>
    public async ValueTask StateEventsAsync(
        SyncPass pass, RoomIdentity room, IReadOnlyList<EventNid> state, EventNid member, CancellationToken stop)
    {
        var isFirst = true;
        await foreach (var portion in events.PortionsAsync(room, state, stop))
        {
            if (portion.Count == 0) continue;
            var extras = await clientEvents.StateExtrasAsync(room, portion, member, stop);
            if (!isFirst)
            {
                pass.Json.Flush();
                pass.Output.Byte((byte)',');
            }

            isFirst = false;
            Events(pass, portion, extras);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes `account_data`, in steps.</summary>
    public async ValueTask AccountDataAsync(
        SyncPass pass, IReadOnlyList<AccountDataRow> rows, CancellationToken stop)
    {
        pass.Json.WriteStartEvents("account_data"u8);
        foreach (var row in rows)
        {
            var content = await accountDataTable.ContentAsync(pass.Reader.UserId, row, stop);
            pass.Json.WriteTypedContent(row.Type, content.Span);
            await pass.StepAsync(stop);
        }

        pass.Json.WriteEndEvents();
    }

    /// <summary>Writes `summary`.</summary>
    public static void Summary(SyncPass pass, Summary summary)
    {
        var json = pass.Json;
        json.WriteStartObject("summary"u8);
        if (summary.Heroes is { } heroes)
        {
            json.WriteStrings("m.heroes"u8, heroes.Select(hero => hero.Pdu.StateKey ?? ""));
        }

        json.WriteNumber("m.joined_member_count"u8, summary.Joined);
        json.WriteNumber("m.invited_member_count"u8, summary.Invited);
        json.WriteEndObject();
    }

    /// <summary>Writes `ephemeral`: typing users and receipts.</summary>
    public static void Ephemeral(SyncPass pass, IReadOnlyList<string>? typing, IReadOnlyList<ReceiptMark> receipts)
    {
        var json = pass.Json;
        json.WriteStartEvents("ephemeral"u8);
        if (typing is not null)
        {
            json.WriteStartObject();
            json.WriteStartObject("content"u8);
            json.WriteStrings("user_ids"u8, typing);
            json.WriteEndObject();
            json.WriteString("type"u8, "m.typing"u8);
            json.WriteEndObject();
        }

        if (receipts.Count > 0)
        {
            // One event for each thread: a user can have several receipts at the same event.
            foreach (var byThread in Latest(receipts).GroupBy(receipt => receipt.ThreadId)) Receipts(pass, byThread);
        }

        json.WriteEndEvents();
    }

    /// <summary>Writes `unread_notifications`, and `unread_thread_notifications` if the filter asks for them.</summary>
    public static void Unread(SyncPass pass, UnreadCounts unread, IReadOnlyDictionary<long, string> roots)
    {
        bool byThread = pass.Filter.Timeline.UnreadThreadNotifications;
        pass.Json.WritePropertyName("unread_notifications"u8);
        if (byThread) Counts(pass, unread.Main.Notifications, unread.Main.Highlights);
        else Counts(pass, unread.Notifications, unread.Highlights);
        if (roots.Count == 0) return;

        pass.Json.WriteStartObject("unread_thread_notifications"u8);
        foreach (var thread in unread.Threads)
        {
            if (!roots.TryGetValue(thread.Thread, out string? root)) continue;
            pass.Json.WritePropertyName(root);
            Counts(pass, thread.Notifications, thread.Highlights);
        }

        pass.Json.WriteEndObject();
    }

    private static void Receipts(SyncPass pass, IEnumerable<ReceiptMark> receipts)
    {
        var json = pass.Json;
        json.WriteStartObject();
        json.WriteStartObject("content"u8);
        foreach (var byEvent in receipts.GroupBy(receipt => receipt.EventId))
        {
            json.WriteStartObject(byEvent.Key);
            foreach (var byType in byEvent.GroupBy(receipt => receipt.Type))
            {
                json.WriteStartObject(byType.Key);
                foreach (var receipt in byType)
                {
                    json.WriteStartObject(receipt.UserId);
                    if (receipt.ThreadId.Length > 0) json.WriteString("thread_id"u8, receipt.ThreadId);
                    json.WriteNumber("ts"u8, receipt.Timestamp);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("type"u8, "m.receipt"u8);
        json.WriteEndObject();
    }

    private static void Counts(SyncPass pass, int notifications, int highlights)
    {
        pass.Json.WriteStartObject();
        pass.Json.WriteNumber("highlight_count"u8, highlights);
        pass.Json.WriteNumber("notification_count"u8, notifications);
        pass.Json.WriteEndObject();
    }

    /// <summary>The last receipt of each user, type and thread: earlier positions are not sent.</summary>
    public static IEnumerable<ReceiptMark> Latest(IReadOnlyList<ReceiptMark> receipts) => receipts
        .GroupBy(receipt => (receipt.UserId, receipt.Type, receipt.ThreadId))
        .Select(group => group.MaxBy(receipt => receipt.Position));

    /// <summary>Writes the elements of an array, directly into the buffer: they are most of a response.</summary>
    public void Events(SyncPass pass, IReadOnlyList<StoredEvent> shown, EventExtras[] extras)
    {
        pass.Json.Flush();
        var writer = clientEvents.For(pass.Reader);
        for (var i = 0; i < shown.Count; i++)
        {
            if (i > 0) pass.Output.Byte((byte)',');
            if (pass.Filter.Fields is not null)
            {
                using var written = new ByteBuffer(1024);
                Event(pass, written, writer, shown[i], in extras[i]);
                Masked(pass, pass.Output, written);
            }
            else Event(pass, pass.Output, writer, shown[i], in extras[i]);
        }
    }

    /// <summary>Writes an event with only the fields that the filter names.</summary>
    public static void Masked(SyncPass pass, ByteBuffer output, ByteBuffer written)
    {
        if (pass.Filter.Fields is { } fields && JsonText.TryParseStored(written.Written, out var read))
        {
            CanonicalJson.WriteObject(output, fields.Apply(read));
        }
        else output.Raw(written.Written);
    }

    private static void Event(
        SyncPass pass, ByteBuffer output, EventWriter writer, StoredEvent stored, in EventExtras extras)
    {
        if (pass.Filter.IsFederationFormat) output.Raw(stored.Row.Json.Span);
        else writer.Write(output, stored, in extras, withRoomId: false);
    }
}
