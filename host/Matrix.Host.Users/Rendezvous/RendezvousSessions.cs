using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Users.Rendezvous;

/// <summary>
/// Sessions in which a new device and one that is signed in find each other: each holds one payload, which both
/// overwrite. They are in memory, and end after a time, or when their shard is given away. MSC4108 and MSC4388, which
/// are not merged.
/// </summary>
public sealed class RendezvousSessions(ShardGates gates, RendezvousOptions options, TimeProvider clock)
{
    private const int IdBytes = 24;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byAddress = new(StringComparer.Ordinal);

    /// <summary>All sessions, and some that were ended, the earliest first: all last equally long.</summary>
    private readonly Queue<Session> _inOrder = new();

    /// <summary>The number of sessions.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                EndExpired();
                return _sessions.Count;
            }
        }
    }

    /// <summary>Makes a session with its first payload, or returns the time after which there may be space.</summary>
    /// <param name="address">Where the request came from.</param>
    public (RendezvousPayload? Payload, TimeSpan Wait) Create(
        RendezvousForm form, string address, ReadOnlyMemory<byte> data)
    {
        lock (_gate)
        {
            EndExpired();
            var ofAddress = _byAddress.GetValueOrDefault(address);

            // Sessions that were ended by their clients stay in the queue, so it is bounded by itself.
            if (_inOrder.Count >= options.MaxSessions || ofAddress >= options.MaxSessionsOfAddress)
            {
                return (null, _inOrder.Peek().Payload.Expires - clock.GetUtcNow());
            }

            var now = clock.GetUtcNow();
            var id = MintedIds.Draw(
                gates, static () => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)), out var visit);
            using var inside = visit;
            var session = new Session(form, address, visit.Opening)
            {
                Payload = new RendezvousPayload(id, data, 1, now, now + options.Lifetime),
            };
            _sessions.Add(id, session);
            _inOrder.Enqueue(session);
            _byAddress[address] = ofAddress + 1;
            return (session.Payload, default);
        }
    }

    /// <summary>The payload of a session; null if there is no such session.</summary>
    /// <exception cref="StorageException">Another node has the session, if there is one.</exception>
    public RendezvousPayload? Find(RendezvousForm form, string id)
    {
        using var visit = gates.Enter(Authority.Minted(id));
        lock (_gate) return SessionOf(form, id, visit)?.Payload;
    }

    /// <summary>Replaces a session's payload.</summary>
    /// <param name="hasSeen">Whether the sender has seen the payload that is there.</param>
    /// <param name="transaction">The request's transaction id: a repeated one gets the same response. Null for
    /// none.</param>
    /// <exception cref="StorageException">Another node has the session, if there is one.</exception>
    public RendezvousWrite Write(
        RendezvousForm form,
        string id,
        Func<RendezvousPayload, bool> hasSeen,
        ReadOnlyMemory<byte> data,
        string? transaction = null)
    {
        using var visit = gates.Enter(Authority.Minted(id));
        lock (_gate)
        {
            if (SessionOf(form, id, visit) is not { } session)
            {
                return new RendezvousWrite(RendezvousOutcome.Unknown, null);
            }

            if (transaction is not null && session.Responses.TryGetValue(transaction, out var before)) return before;
            if (session.Writes >= options.MaxWrites)
            {
                return new RendezvousWrite(RendezvousOutcome.TooMany, session.Payload);
            }

            session.Writes++;
            var payload = session.Payload;
            var isCurrent = hasSeen(payload);

            // A request without a transaction id is a repeated one if its payload is there already. Text is not: each
            // of its requests makes an ETag of its own.
            var isRepeated = !isCurrent
                && form == RendezvousForm.Json
                && transaction is null
                && payload.Data.Span.SequenceEqual(data.Span);
            if (isCurrent)
            {
                session.Payload = payload with
                {
                    Data = data,
                    Revision = payload.Revision + 1,
                    Modified = clock.GetUtcNow(),
                };
            }

            var write = new RendezvousWrite(
                isCurrent || isRepeated ? RendezvousOutcome.Written : RendezvousOutcome.Conflict, session.Payload);

            // The response needs the revision only.
            if (transaction is not null)
            {
                session.Responses[transaction] = write with { Payload = session.Payload with { Data = default } };
            }

            return write;
        }
    }

    /// <summary>Ends a session. False if there is none.</summary>
    /// <exception cref="StorageException">Another node has the session, if there is one.</exception>
    public bool Delete(RendezvousForm form, string id)
    {
        using var visit = gates.Enter(Authority.Minted(id));
        lock (_gate)
        {
            if (SessionOf(form, id, visit) is not { } session) return false;
            End(session);
            return true;
        }
    }

    private Session? SessionOf(RendezvousForm form, string id, ShardVisit visit)
    {
        EndExpired();
        return _sessions.TryGetValue(id, out var session) && session.Form == form && session.Opening == visit.Opening
            ? session
            : null;
    }

    private void EndExpired()
    {
        var now = clock.GetUtcNow();
        while (_inOrder.TryPeek(out var session) && session.Payload.Expires <= now)
        {
            _inOrder.Dequeue();
            End(session);

            // An ended session counts for its address until it would have expired.
            var left = _byAddress[session.Address] - 1;
            if (left == 0) _byAddress.Remove(session.Address);
            else _byAddress[session.Address] = left;
        }
    }

    private void End(Session session)
    {
        _sessions.Remove(session.Payload.Id);
        session.Payload = session.Payload with { Data = default };
        session.Responses.Clear();
    }

    /// <param name="opening">The opening of the shard in which it was made.</param>
    private sealed class Session(RendezvousForm form, string address, long opening)
    {
        public RendezvousForm Form => form;

        public long Opening => opening;

        public string Address => address;

        public required RendezvousPayload Payload { get; set; }

        public int Writes { get; set; }

        public Dictionary<string, RendezvousWrite> Responses { get; } = new(StringComparer.Ordinal);
    }
}
