namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Bounds the mails that ask to confirm an address, by user and by address. After each mail the next one has to wait
/// twice as long as the one before, up to a longest time. Thread-safe.
/// </summary>
/// <param name="first">The time between the first two mails.</param>
/// <param name="longest">The longest time; after it a mail counts as the first again.</param>
/// <param name="tracked">Users and addresses remembered; beyond these the oldest are forgotten.</param>
/// <param name="time">The clock.</param>
internal sealed class ConfirmationLimits(TimeSpan first, TimeSpan longest, int tracked, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Asked>> _bySubject = new(StringComparer.Ordinal);
    private readonly LinkedList<Asked> _byAge = new();

    /// <summary>
    /// Whether a mail may be sent now. If so, it counts; if not, neither the user's nor the address's count changes.
    /// </summary>
    /// <param name="userId">The user who asks.</param>
    /// <param name="address">The address, in one spelling.</param>
    /// <param name="notBefore">When it may be sent, in milliseconds since the epoch.</param>
    internal bool TryTake(string userId, string address, out long notBefore)
    {
        // An address does not begin with the sign of a user.
        lock (_gate)
        {
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            notBefore = Math.Max(NotBefore(userId), NotBefore(address));
            if (notBefore > now) return false;
            Count(userId, now);
            Count(address, now);
            return true;
        }
    }

    private long NotBefore(string subject) =>
        _bySubject.TryGetValue(subject, out var asked) ? asked.Value.At + PauseAfter(asked.Value.Times) : 0;

    private long PauseAfter(int times) => (long)Math.Min(
        first.TotalMilliseconds * Math.Pow(2, Math.Min(times - 1, 30)), longest.TotalMilliseconds);

    private void Count(string subject, long now)
    {
        var times = 1;
        if (_bySubject.Remove(subject, out var before))
        {
            _byAge.Remove(before);
            if (now - before.Value.At < longest.TotalMilliseconds) times = before.Value.Times + 1;
        }
        else if (_bySubject.Count >= tracked)
        {
            _bySubject.Remove(_byAge.First!.Value.Subject);
            _byAge.RemoveFirst();
        }

        _bySubject.Add(subject, _byAge.AddLast(new Asked(subject, times, now)));
    }

    private readonly record struct Asked(string Subject, int Times, long At);
}
