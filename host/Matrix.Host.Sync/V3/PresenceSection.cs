using Matrix.Core.Event;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.Presence;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Writes `presence`: the users who share a room and whose presence changed, and the present users of rooms that are
/// shared now. v1.19 client-server-api#presence
/// </summary>
internal sealed class PresenceSection(PresenceStream presence, PresenceBoard board, PresenceOptions options)
{
    /// <summary>Writes the section. Called after the rooms, which say with whom a room is shared now.</summary>
    public async ValueTask WriteAsync(SyncPass pass, CancellationToken stop)
    {
        var filter = pass.Filter.Presence;
        if (!board.IsOn || !filter.AdmitsType(EventTypes.Presence)) return;
        var left = filter.Limit(options.MaxShown, options.MaxShown);
        var isOpen = false;
        foreach (var userId in await UsersAsync(pass, stop))
        {
            if (left == 0) break;
            if (pass.Ignored.Contains(userId) || !filter.Admits(EventTypes.Presence, userId, false)) continue;
            if (board.Find(userId) is not { } seen) continue;
            if (!isOpen) pass.Json.WriteStartEvents("presence"u8);
            isOpen = true;
            PresenceFormat.Write(pass.Json, seen);
            left--;
        }

        if (!isOpen) return;
        pass.Json.WriteEndEvents();
        pass.HasNews = true;
    }

    private async ValueTask<IEnumerable<string>> UsersAsync(SyncPass pass, CancellationToken stop)
    {
        var reader = pass.Reader.UserId;
        if (pass.Since is not { } since || pass.Request.FullState)
        {
            return await presence.PresentAsync(pass.Stream, reader, stop);
        }

        var changed = await presence.ChangedAsync(pass.Stream, reader, since, pass.UpToEphemeral, stop);
        return changed.Union(pass.DevicesChanged.Where(userId => board.Find(userId) is { IsPresent: true }));
    }
}
