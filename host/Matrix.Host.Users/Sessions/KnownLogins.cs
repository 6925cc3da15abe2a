namespace Matrix.Host.Users.Sessions;

/// <summary>
/// Users and the addresses that their right passwords came from lately, in memory and bounded: guesses from elsewhere
/// do not count there.
/// </summary>
public sealed class KnownLogins(UsersOptions options, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string UserId, string Address), LinkedListNode<Login>> _byPair = [];
    private readonly LinkedList<Login> _byAge = new();

    /// <summary>Whether a right password of the user came from there lately.</summary>
    public bool Knows(string userId, string address)
    {
        lock (_lock)
        {
            DropOld();
            return _byPair.ContainsKey((userId, address));
        }
    }

    /// <summary>A right password came from there, now.</summary>
    public void Remember(string userId, string address)
    {
        lock (_lock)
        {
            DropOld();
            if (_byPair.TryGetValue((userId, address), out var known)) Drop(known);
            else if (_byPair.Count >= options.KnownLogins) Drop(_byAge.First!);
            _byPair.Add((userId, address), _byAge.AddLast(new Login(userId, address, clock.GetUtcNow())));
        }
    }

    private void DropOld()
    {
        var before = clock.GetUtcNow() - options.KnownLoginsKept;
        while (_byAge.First is { } oldest && oldest.Value.At < before) Drop(oldest);
    }

    private void Drop(LinkedListNode<Login> known)
    {
        _byPair.Remove((known.Value.UserId, known.Value.Address));
        _byAge.Remove(known);
    }

    private readonly record struct Login(string UserId, string Address, DateTimeOffset At);
}
