namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Shares the requests that one push gateway gets at once among users: of one user's pushers only a few send at the
/// same time, and the users in line get the places that become free in turn. A place is handed over, so that nobody
/// who comes later takes it.
/// </summary>
/// <param name="atOnce">The most requests to one gateway at once.</param>
/// <param name="ofUser">The most of them for one user.</param>
/// <param name="wake">Gives a turn to a pusher that was handed a place.</param>
internal sealed class GatewayShares(int atOnce, int ofUser, Action<KnownPusher> wake)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Gateway> _gateways = new(StringComparer.Ordinal);

    /// <summary>Whether a pusher has a place. If not, it stands in line, and is woken when it has one.</summary>
    internal bool TryEnter(string gateway, KnownPusher pusher)
    {
        // A place at the gateway that it had before is given back.
        if (pusher.Gateway is { } held && held != gateway) Leave(pusher);
        lock (_gate)
        {
            if (pusher.Gateway is not null) return true;
            if (pusher.IsInLine) return false;
            if (!_gateways.TryGetValue(gateway, out var at)) _gateways.Add(gateway, at = new Gateway());
            var userId = pusher.Pusher.UserId;
            if (at.Sending < atOnce && at.Of(userId) < ofUser)
            {
                at.Enter(gateway, pusher);
                return true;
            }

            pusher.IsInLine = true;
            at.StandInLine(pusher);
            return false;
        }
    }

    /// <summary>A pusher gives its place back, if it has one.</summary>
    internal void Leave(KnownPusher pusher)
    {
        List<KnownPusher>? next = null;
        lock (_gate)
        {
            if (pusher.Gateway is not { } gateway || !_gateways.TryGetValue(gateway, out var at)) return;
            pusher.Gateway = null;
            at.Leave(pusher.Pusher.UserId);
            while (at.Sending < atOnce && at.TakeNext(ofUser) is { } first)
            {
                first.IsInLine = false;
                at.Enter(gateway, first);
                (next ??= []).Add(first);
            }

            if (at.Sending == 0) _gateways.Remove(gateway);
        }

        foreach (var each in next ?? []) wake(each);
    }

    private sealed class Gateway
    {
        private readonly Dictionary<string, int> _sending = new(StringComparer.Ordinal);
        private readonly Dictionary<string, Queue<KnownPusher>> _inLine = new(StringComparer.Ordinal);
        private readonly LinkedList<string> _users = new();

        public int Sending { get; private set; }

        public int Of(string userId) => _sending.GetValueOrDefault(userId);

        public void Enter(string gateway, KnownPusher pusher)
        {
            pusher.Gateway = gateway;
            Sending++;
            _sending[pusher.Pusher.UserId] = Of(pusher.Pusher.UserId) + 1;
        }

        public void Leave(string userId)
        {
            Sending--;
            if (Of(userId) == 1) _sending.Remove(userId);
            else _sending[userId]--;
        }

        public void StandInLine(KnownPusher pusher)
        {
            var userId = pusher.Pusher.UserId;
            if (!_inLine.TryGetValue(userId, out var line))
            {
                _inLine.Add(userId, line = new Queue<KnownPusher>());
                _users.AddLast(userId);
            }

            line.Enqueue(pusher);
        }

        /// <summary>The first pusher of the first user who may send more. The user goes to the end.</summary>
        public KnownPusher? TakeNext(int ofUser)
        {
            for (var node = _users.First; node is not null; node = node.Next)
            {
                if (Of(node.Value) >= ofUser) continue;
                _users.Remove(node);
                var line = _inLine[node.Value];
                var next = line.Dequeue();
                if (line.Count > 0) _users.AddLast(node);
                else _inLine.Remove(node.Value);
                return next;
            }

            return null;
        }
    }
}
