using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// Typing notifications of local users. Only the latest of a user in a room waits, in memory; a server that does not
/// answer gets none. Server-Server API, "Typing Notifications".
/// </summary>
internal sealed class TypingEdus(CurrentServers servers, OutboundOptions options) : IEduSource
{
    private readonly Lock _gate = new();
    private readonly News _news = new();
    private readonly Dictionary<string, Dictionary<RoomUser, TypingEdu>> _owed = new(StringComparer.Ordinal);

    /// <summary>Changes whose servers are not determined yet.</summary>
    private Dictionary<RoomUser, bool> _changed = [];

    private IEduDestinations? _destinations;

    /// <inheritdoc/>
    public bool IsTransient => true;

    /// <inheritdoc/>
    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    /// <summary>A user types or stopped. Users of other servers are none of this server's business.</summary>
    internal void Set(RoomNid room, string userId, bool isTyping)
    {
        if (!OutboundBatches.IsOf(userId, options.ServerName)) return;
        var key = new RoomUser(room, userId);
        lock (_gate)
        {
            if (_changed.Count >= options.MaxWaitingTyping && !_changed.ContainsKey(key)) return;
            _changed[key] = isTyping;
        }

        _news.Wake();
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _news.WaitAsync(stop).ConfigureAwait(false);
            Dictionary<RoomUser, bool> changed;
            lock (_gate) (changed, _changed) = (_changed, []);
            foreach (var ofRoom in changed.GroupBy(static each => each.Key.Room))
            {
                var found = await servers.OfAsync(ofRoom.Key, stop).ConfigureAwait(false);
                if (found is not var (roomId, receivers)) continue;
                var edus = ofRoom.Select(each => new TypingEdu(Json(roomId, each.Key.UserId, each.Value), each.Key));
                Owe(receivers, [.. edus]);
            }
        }
    }

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _owed.ContainsKey(server);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(string server, int most, CancellationToken stop)
    {
        lock (_gate)
        {
            return ValueTask.FromResult<IReadOnlyList<OutboundEdu>>(
                _owed.TryGetValue(server, out var owed) ? [.. owed.Values.Take(most)] : []);
        }
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus)
    {
        lock (_gate)
        {
            if (!_owed.TryGetValue(server, out var owed)) return;
            foreach (var edu in edus.OfType<TypingEdu>())
            {
                // A later notification has replaced it, and is still to be sent.
                if (ReferenceEquals(owed.GetValueOrDefault(edu.Key), edu)) owed.Remove(edu.Key);
            }

            if (owed.Count == 0) _owed.Remove(server);
        }
    }

    /// <inheritdoc/>
    public void Failed(string server)
    {
        lock (_gate) _owed.Remove(server);
    }

    private void Owe(IReadOnlyList<string> receivers, IReadOnlyList<TypingEdu> edus)
    {
        foreach (var server in receivers)
        {
            if (_destinations!.IsFailing(server)) continue;
            lock (_gate)
            {
                if (!_owed.TryGetValue(server, out var owed)) _owed[server] = owed = [];
                foreach (var edu in edus)
                {
                    if (owed.Count < options.MaxTypingOwed || owed.ContainsKey(edu.Key)) owed[edu.Key] = edu;
                }
            }

            _destinations.Notify(server);
        }
    }

    private static byte[] Json(string roomId, string userId, bool isTyping)
    {
        using var json = new ByteBuffer(256);
        json.Raw("{\"content\":{\"room_id\":"u8);
        CanonicalJson.writeString(json, roomId);
        json.Raw(",\"typing\":"u8);
        json.Raw(isTyping ? "true"u8 : "false"u8);
        json.Raw(",\"user_id\":"u8);
        CanonicalJson.writeString(json, userId);
        json.Raw("},\"edu_type\":\"m.typing\"}"u8);
        return json.ToArray();
    }

    private readonly record struct RoomUser(RoomNid Room, string UserId);

    private sealed record TypingEdu(ReadOnlyMemory<byte> Json, RoomUser Key) : OutboundEdu(Json);
}
