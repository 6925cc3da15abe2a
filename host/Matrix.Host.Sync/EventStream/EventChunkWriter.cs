using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Writes a response of the event stream.</summary>
internal sealed class EventChunkWriter(EventPages pages)
{
    /// <summary>Writes a response without events.</summary>
    public ValueTask WriteEmptyAsync(
        ResponseWriter response, string start, string end, UserDevice reader, CancellationToken stop) =>
        WriteAsync(response, start, end, [], [], reader, stop);

    /// <param name="start">The token before the events.</param>
    /// <param name="end">The token after them.</param>
    /// <param name="events">Events of rooms.</param>
    /// <param name="others">Events that follow these.</param>
    public async ValueTask WriteAsync(
        ResponseWriter response,
        string start,
        string end,
        IReadOnlyList<NewEvent> events,
        IReadOnlyList<Json> others,
        UserDevice reader,
        CancellationToken stop)
    {
        var output = response.Buffer;
        output.Raw("{\"chunk\":["u8);
        for (var i = 0; i < events.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            if (events[i].Stripped is { } stripped) stripped.Write(output, withRoomId: true);
            else
            {
                await pages.WriteOneAsync(output, events[i].Readable!, events[i].Stored!, reader, stop);
            }

            await response.StepAsync(stop);
        }

        for (var i = 0; i < others.Count; i++)
        {
            if (i > 0 || events.Count > 0) output.Byte((byte)',');
            CanonicalJson.Write(output, others[i]);
            await response.StepAsync(stop);
        }

        output.Raw("],\"end\":"u8);
        CanonicalJson.WriteString(output, end);
        output.Raw(",\"start\":"u8);
        CanonicalJson.WriteString(output, start);
        output.Byte((byte)'}');
    }
}
