using Matrix.Core.Sync;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Changed device lists, and the counts of the device's keys. MSC3884.</summary>
internal sealed class E2eeExtension(
    IStorage storage,
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
            var (changed, left) = await ListsAsync(pass, stop).ConfigureAwait(false);
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

        await devices.WriteKeyCountsAsync(pass.Json, pass.Reader, pass.Device, pass.UpTo, stop).ConfigureAwait(false);
        pass.Json.WriteEndObject();
    }

    /// <summary>The changes in all rooms of the user, whether or not the client has them.</summary>
    private async ValueTask<(IReadOnlyCollection<string> Changed, IReadOnlyCollection<string> Left)> ListsAsync(
        SlidingPass pass, CancellationToken stop)
    {
        var userId = pass.Reader.UserId;
        if (pass.Changed is not { } updated)
        {
            var news = await changes.BetweenAsync(userId, pass.Since, pass.UpTo, stop).ConfigureAwait(false);
            return (news.Changed, news.Left);
        }

        var changed = new HashSet<string>(StringComparer.Ordinal);
        var left = new HashSet<string>(StringComparer.Ordinal);
        foreach (var each in updated)
        {
            if ((each.Parts & (RoomParts.Events | RoomParts.Membership)) == 0) continue;
            await CompareAsync(pass, each.Room.RoomNid, changed, left, stop).ConfigureAwait(false);
        }

        if (pass.LastDeviceLists > pass.Since)
        {
            changed.UnionWith(await storage.Keys
                .ChangedForAsync(userId, pass.Since, pass.UpTo, stop).ConfigureAwait(false));
        }

        left.Remove(userId);
        if (left.Count > 0)
        {
            left.ExceptWith(await storage.Memberships
                .SharingAmongAsync(userId, left, stop).ConfigureAwait(false));
            changed.ExceptWith(left);
        }

        return (changed, left);
    }

    private async ValueTask CompareAsync(
        SlidingPass pass, RoomNid room, HashSet<string> changed, HashSet<string> left, CancellationToken stop)
    {
        if (await snapshots.FindAsync(room, stop).ConfigureAwait(false) is not { } snapshot) return;

        // A message alone changes no device list.
        if (pass.Base.Rooms.GetValueOrDefault(snapshot.Room.RoomId) is { IsFull: true } sent
            && sent.Step == snapshot.Step)
        {
            return;
        }

        var before = await positions.AtAsync(snapshot, pass.Since, stop).ConfigureAwait(false);
        var now = await positions.AtAsync(snapshot, pass.UpTo, stop).ConfigureAwait(false);
        if (before.Step == now.Step) return;
        await changes.CompareAsync(
            pass.Reader.UserId,
            snapshot.Room,
            await states.AtAsync(room, before.Step, stop).ConfigureAwait(false),
            await states.AtAsync(room, now.Step, stop).ConfigureAwait(false),
            changed,
            left,
            stop).ConfigureAwait(false);
    }
}
