using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.Responses;

/// <summary>Writes events as elements of arrays, in steps.</summary>
internal sealed class RoomEvents(EventStore events, ClientEvents clientEvents, AccountDataReader accountData)
{
    /// <summary>Writes the events of a timeline.</summary>
    /// <param name="extras">Reads the extras of some of the events.</param>
    public async ValueTask TimelineAsync(
        ResponsePass pass,
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

            Write(pass, some, read);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes state events. Each portion is read after the one before was sent.</summary>
    /// <param name="member">The user's member event at the latest of the events, or a later one.</param>
    public async ValueTask StateAsync(
        ResponsePass pass, RoomIdentity room, IReadOnlyList<EventNid> state, EventNid member, CancellationToken stop)
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
            Write(pass, portion, extras);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes account data.</summary>
    public async ValueTask AccountDataAsync(
        ResponsePass pass, IReadOnlyList<AccountDataRow> rows, CancellationToken stop)
    {
        var userId = pass.Reader.UserId;
        foreach (var row in rows)
        {
            var content = await accountData.ContentAsync(userId, row, stop);
            AccountDataFormat.Write(pass.Json, userId, row, content);
            await pass.StepAsync(stop);
        }
    }

    /// <summary>Writes events at once, directly into the buffer: they are most of a response.</summary>
    public void Write(ResponsePass pass, IReadOnlyList<StoredEvent> shown, EventExtras[] extras)
    {
        pass.Json.Flush();
        var writer = clientEvents.For(pass.Reader);
        for (var i = 0; i < shown.Count; i++)
        {
            if (i > 0) pass.Output.Byte((byte)',');
            if (pass.Fields is not null)
            {
                using var written = new ByteBuffer(1024);
                Write(pass, written, writer, shown[i], in extras[i]);
                WriteMasked(pass, pass.Output, written);
            }
            else Write(pass, pass.Output, writer, shown[i], in extras[i]);
        }
    }

    /// <summary>Writes an event with only the fields that the filter names.</summary>
    public static void WriteMasked(ResponsePass pass, ByteBuffer output, ByteBuffer written)
    {
        if (pass.Fields is { } fields && JsonText.TryParseStored(written.Written, out var read))
        {
            CanonicalJson.WriteObject(output, fields.Apply(read));
        }
        else output.Raw(written.Written);
    }

    private static void Write(
        ResponsePass pass, ByteBuffer output, EventWriter writer, StoredEvent stored, in EventExtras extras)
    {
        if (pass.IsFederationFormat) output.Raw(stored.Row.Json.Span);
        else writer.Write(output, stored, in extras, withRoomId: false);
    }
}
