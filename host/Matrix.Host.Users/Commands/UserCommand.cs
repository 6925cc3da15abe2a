namespace Matrix.Host.Users.Commands;

/// <summary>
/// What code of one node asks of a local user whom another node may have. The set is closed: each kind has a format in
/// <see cref="UserCommands"/>. A command may be carried out twice: each kind says why that is harmless.
/// </summary>
/// <param name="UserId">The user.</param>
internal abstract record UserCommand(string UserId);

/// <summary>
/// Gives a user the settings of a replaced room for the one that replaces it. What the user has set for the new room
/// stays.
/// </summary>
internal sealed record CopyRoomSettings(string UserId, string OldRoomId, string NewRoomId) : UserCommand(UserId);

/// <summary>Ends the account of a guest, if it is unused. An account that has ended stays so.</summary>
/// <param name="Since">Milliseconds since the epoch since when it must not have been used.</param>
internal sealed record EndGuest(string UserId, long Since) : UserCommand(UserId);
