namespace Matrix.Host.Users.Sessions;

/// <summary>
/// Remembers users and the addresses from which they recently logged in with a correct password. Guesses from other
/// addresses do not count against these pairs.
/// </summary>
public sealed class KnownLogins(UsersOptions options, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string UserId, string Address), LinkedListNode<Login>> _byPair = [];
    private readonly LinkedList<Login> _byAge = new();

    /// <summary>Whether the user recently gave a correct password from the address.</summary>
    public bool Knows(string userId, string address)
    {
        lock (_lock)
        {
            DropOld();
            return _byPair.ContainsKey((userId, address));
        }
    }

    /// <summary>Remembers a correct password from the address.</summary>
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
