using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>Rooms that servers share.</summary>
internal static class SharedRoom
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    /// <summary>A public room of a user, joined by a user of another server.</summary>
    public static async Task<string> CreateAsync(
        IFederatedServer of, Account creator, Account guest, string name, CancellationToken stop)
    {
        var room = creator.CreateRoom(name);
        guest.Join(room, of.Name);
        await HasMembersAsync(creator, room, 2, stop);
        return room;
    }

    /// <summary>Waits until a user's server knows this many members of a room.</summary>
    public static async Task HasMembersAsync(Account account, string room, int count, CancellationToken stop)
    {
        var until = DateTime.UtcNow + _patience;
        while (account.JoinedMembers(room) < count)
        {
            if (DateTime.UtcNow > until) throw new TimeoutException($"{room} has too few members.");
            await Task.Delay(10, stop);
        }
    }
}
