namespace Matrix.Host.Users.Profiles;

/// <summary>The rooms, as the look-up of profiles uses them.</summary>
public interface IOpenRooms
{
    /// <summary>
    /// Whether a user is joined to a room whose members everyone may see, because everyone may join or read it.
    /// </summary>
    ValueTask<bool> HasMemberAsync(string userId, CancellationToken stop);
}
