using Matrix.Core.Sync;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Changed device lists, and the counts of the device's keys. MSC3884.</summary>
internal sealed class E2eeExtension(
    RoomSnapshots snapshots,
    StateStore states,
    RoomPositions positions,
    DeviceListChanges changes,
    DeviceSections devices) : ISlidingExtension
{
    public string Name => "e2ee";

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        pass.Json.WriteStartObject(Name);
        if (!pass.IsInitial)
        {
            var (changed, left) = await ListsAsync(pass, stop);
            if (changed.Count > 0 || left.Count > 0)
            {
                pass.HasNews = true;
                pass.Json.WriteStartObject("device_lists"u8);
                pass.Json.WriteStrings("changed"u8, changed);
                pass.Json.WriteStrings("left"u8, left);
                pass.Json.WriteEndObject();
            }

            if (pass.Device.LastKeys > pass.Since) pass.HasNews = true;
        }

        await devices.WriteKeyCountsAsync(pass.Json, pass.Reader, pass.Device, pass.UpTo, stop);
        pass.Json.WriteEndObject();
    }

    /// <summary>The changes in all rooms of the user, whether or not the client has them.</summary>
    private async ValueTask<(IReadOnlyCollection<string> Changed, IReadOnlyCollection<string> Left)> ListsAsync(
        SlidingPass pass, CancellationToken stop)
    {
        var userId = pass.Reader.UserId;
        if (pass.Changed is not { } updated)
        {
            var news = await changes.BetweenAsync(userId, pass.Since, pass.UpTo, stop);
            return (news.Changed, news.Left);
        }

        var came = new HashSet<string>(StringComparer.Ordinal);
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var each in updated)
        {
            if ((each.Parts & (RoomParts.Events | RoomParts.Membership)) == 0) continue;
            await CompareAsync(pass, each.Room.RoomNid, came, gone, stop);
        }

        var found = pass.LastDeviceLists > pass.Since
            ? await changes.NewsAsync(userId, pass.Since, pass.UpTo, came, gone, stop)
            : await changes.NewsAsync(userId, pass.UpTo, came, gone, stop);
        return (found.Changed, found.Left);
    }

    private async ValueTask CompareAsync(
        SlidingPass pass, RoomNid room, HashSet<string> came, HashSet<string> gone, CancellationToken stop)
    {
        if (await snapshots.FindAsync(room, stop) is not { } snapshot) return;

        // A message alone changes no device list.
        if (pass.Base.Rooms.GetValueOrDefault(snapshot.Room.RoomId) is { IsFull: true } sent
            && sent.Step == snapshot.Step)
        {
            return;
        }

        var before = await positions.AtAsync(snapshot, pass.Since, stop);
        var now = await positions.AtAsync(snapshot, pass.UpTo, stop);
        if (before.Step == now.Step) return;
        await changes.CompareAsync(
            pass.Reader.UserId,
            snapshot.Room,
            await states.AtAsync(room, before.Step, stop),
            await states.AtAsync(room, now.Step, stop),
            (pass.Since, pass.UpTo),
            came,
            gone,
            stop);
    }
}
