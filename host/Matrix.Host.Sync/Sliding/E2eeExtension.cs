using Matrix.Core.Sync;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Changed device lists, and the counts of the device's keys. MSC3884.</summary>
internal sealed class E2eeExtension(
    RoomSnapshots snapshots,
    RoomPositions positions,
    DeviceListChanges changes,
    KeyCountReader keyCounts) : ISlidingExtension
{
    public string Name => "e2ee";

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        pass.Json.WriteStartObject(Name);
        if (!pass.IsInitial)
        {
            if (DeviceListFormat.Write(pass.Json, await ListsAsync(pass, stop))) pass.HasNews = true;
            if (pass.Device.LastKeys > pass.Since) pass.HasNews = true;
        }

        DeviceListFormat.Write(pass.Json, await keyCounts.OfAsync(pass.Reader, pass.Device, pass.UpTo, stop));
        pass.Json.WriteEndObject();
    }

    /// <summary>The changes in all rooms of the user, whether or not the client has them.</summary>
    private async ValueTask<DeviceListNews> ListsAsync(SlidingPass pass, CancellationToken stop)
    {
        var userId = pass.Reader.UserId;
        if (pass.Changed is not { } updated)
        {
            return await changes.BetweenAsync(userId, pass.Since, pass.UpTo, stop);
        }

        var came = new HashSet<string>(StringComparer.Ordinal);
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var each in updated)
        {
            if ((each.Parts & (RoomParts.Events | RoomParts.Membership)) == 0) continue;
            await CompareAsync(pass, each.Room.RoomNid, came, gone, stop);
        }

        var anyChanged = pass.LastDeviceLists > pass.Since;
        return await changes.NewsAsync(userId, pass.Since, pass.UpTo, anyChanged, came, gone, stop);
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
            await positions.StateAsync(snapshot, before.Step, stop),
            await positions.StateAsync(snapshot, now.Step, stop),
            (pass.Since, pass.UpTo),
            came,
            gone,
            stop);
    }
}
