using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// Typing notifications of local users. Only the latest of a user in a room waits, in memory; a server that does not
/// answer gets none. v1.19 server-server-api#typing-notifications
/// </summary>
internal sealed class TypingEdus(CurrentServers servers, OutboundOptions options) : IEduSource
{
    private readonly Lock _gate = new();
    private readonly News _news = new();
    private readonly Dictionary<string, Dictionary<RoomUser, TypingEdu>> _pending = new(StringComparer.Ordinal);

    /// <summary>
    /// Users who type by a transaction that failed and is sent again: their end is sent after it, though the server
    /// does not answer now.
    /// </summary>
    private readonly Dictionary<string, HashSet<RoomUser>> _repeated = new(StringComparer.Ordinal);

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
            await _news.WaitAsync(stop);
            Dictionary<RoomUser, bool> changed;
            lock (_gate) (changed, _changed) = (_changed, []);
            foreach (var ofRoom in changed.GroupBy(static each => each.Key.Room))
            {
                var found = await servers.OfAsync(ofRoom.Key, stop);
                if (found is not var (roomId, receivers)) continue;
                var edus = ofRoom.Select(
                    each => new TypingEdu(Json(roomId, each.Key.UserId, each.Value), each.Key, each.Value));
                Enqueue(receivers, [.. edus]);
            }
        }
    }

    /// <inheritdoc/>
    public void Drop(Func<string, bool> isOf)
    {
        lock (_gate)
        {
            foreach (var server in _pending.Keys.Where(isOf).ToArray()) _pending.Remove(server);
            foreach (var server in _repeated.Keys.Where(isOf).ToArray()) _repeated.Remove(server);
        }
    }

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _pending.ContainsKey(server);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
    {
        TypingEdu[] edus;
        lock (_gate) edus = _pending.TryGetValue(server, out var pending) ? [.. pending.Values] : [];
        var rooms = await servers.RoomsWithAsync(server, edus.Select(static edu => edu.Room), stop);
        Remove(server, [.. edus.Where(edu => !rooms.Contains(edu.Room))], []);
        return [.. edus.Where(edu => rooms.Contains(edu.Room)).Take(most)];
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred)
    {
        lock (_gate)
        {
            if (_repeated.TryGetValue(server, out var repeated))
            {
                repeated.ExceptWith(edus.OfType<TypingEdu>().Select(static edu => edu.User));
                if (repeated.Count == 0) _repeated.Remove(server);
            }

            if (!_pending.TryGetValue(server, out var pending)) return;
            foreach (var edu in edus.OfType<TypingEdu>())
            {
                // A later notification has replaced it, and is still to be sent.
                if (ReferenceEquals(pending.GetValueOrDefault(edu.User), edu)) pending.Remove(edu.User);
            }

            if (pending.Count == 0) _pending.Remove(server);
        }
    }

    /// <inheritdoc/>
    public void Failed(string server, IReadOnlyList<OutboundEdu> repeated)
    {
        var typing = repeated.OfType<TypingEdu>().Where(static edu => edu.IsTyping).Select(static edu => edu.User)
            .ToHashSet();
        lock (_gate)
        {
            if (typing.Count > 0) _repeated[server] = typing;
            else _repeated.Remove(server);
            if (!_pending.TryGetValue(server, out var pending)) return;
            foreach (var edu in pending.Values.Where(edu => !Ends(server, edu)).ToArray()) pending.Remove(edu.User);
            if (pending.Count == 0) _pending.Remove(server);
        }
    }

    private void Enqueue(IReadOnlySet<string> receivers, IReadOnlyList<TypingEdu> edus)
    {
        foreach (var server in receivers)
        {
            if (!_destinations!.IsHere(server)) continue;
            var isFailing = _destinations.IsFailing(server);
            lock (_gate)
            {
                if (!_pending.TryGetValue(server, out var pending)) pending = [];
                foreach (var edu in edus)
                {
                    if (isFailing && !Ends(server, edu))
                    {
                        pending.Remove(edu.User);
                        continue;
                    }

                    if (pending.Count < options.MaxPendingTyping || pending.ContainsKey(edu.User))
                    {
                        pending[edu.User] = edu;
                    }
                }

                if (pending.Count > 0) _pending[server] = pending;
                else _pending.Remove(server);
                if (pending.Count == 0) continue;
            }

            _destinations.Notify(server);
        }
    }

    /// <summary>Whether this ends the typing that a repeated transaction begins. Called under the lock.</summary>
    private bool Ends(string server, TypingEdu edu) =>
        !edu.IsTyping && _repeated.TryGetValue(server, out var repeated) && repeated.Contains(edu.User);

    private static byte[] Json(string roomId, string userId, bool isTyping)
    {
        using var json = new ByteBuffer(256);
        json.Raw("{\"content\":{\"room_id\":"u8);
        CanonicalJson.WriteString(json, roomId);
        json.Raw(",\"typing\":"u8);
        json.Raw(isTyping ? "true"u8 : "false"u8);
        json.Raw(",\"user_id\":"u8);
        CanonicalJson.WriteString(json, userId);
        // v1.19 server-server-api#definition-mtyping
        json.Raw("},\"edu_type\":\"m.typing\"}"u8);
        return json.ToArray();
    }

    private readonly record struct RoomUser(RoomNid Room, string UserId);

    private sealed record TypingEdu(ReadOnlyMemory<byte> Json, RoomUser User, bool IsTyping) : OutboundEdu(Json)
    {
        internal RoomNid Room => User.Room;
    }
}
