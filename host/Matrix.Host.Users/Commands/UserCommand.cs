using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Users.Commands;

/// <summary>
/// What code of one node asks of a local user whom another node may have. The set is closed: each kind has a format in
/// <see cref="UserCommandFormats"/>, and `UserCommandRunner` carries it out. A command may be carried out
/// twice: each kind says why that is harmless.
/// </summary>
/// <param name="UserId">The user.</param>
internal abstract record UserCommand(string UserId);

/// <summary>
/// Gives a user the settings of a replaced room for the one that replaces it. What the user has set for the new room
/// stays.
/// </summary>
internal sealed record CopyRoomSettings(string UserId, string OldRoomId, string NewRoomId) : UserCommand(UserId);

/// <summary>Ends an account. One that has ended stays so.</summary>
/// <param name="Erase">Whether the user's data is deleted too.</param>
/// <param name="Condition">Must hold when the end is written.</param>
/// <param name="IdentityServer">Where identifiers are unbound; null for where they were bound.</param>
internal sealed record EndAccount(string UserId, bool Erase, ConditionalChange Condition, string? IdentityServer)
    : UserCommand(UserId);

/// <summary>Sets or deletes a field of a profile. The value that it has changes nothing.</summary>
/// <param name="Value">The value; null to delete the field.</param>
internal sealed record SetProfileField(string UserId, string Name, Json? Value) : UserCommand(UserId);

/// <summary>
/// Adds the identifier of a confirmed session. If the user has it and the session was used, it was added before.
/// </summary>
internal sealed record AddIdentifier(
    string UserId, string SessionId, string Medium, string Address, ConditionalChange Condition) : UserCommand(UserId);

/// <summary>Removes an identifier. One that the user does not have changes nothing.</summary>
/// <param name="Condition">Must hold when it is written; null for none.</param>
internal sealed record RemoveIdentifier(string UserId, IdentifierText Id, ConditionalChange? Condition)
    : UserCommand(UserId);

/// <summary>Gives an account exactly these identifiers. If it has these, nothing changes.</summary>
/// <param name="Record">The record of the act.</param>
internal sealed record SetIdentifiers(string UserId, IReadOnlyList<IdentifierText> Ids, ConditionalChange Record)
    : UserCommand(UserId);

/// <summary>The user confirms that their cross-signing keys may be replaced. The last confirmation counts.</summary>
internal sealed record AllowKeyReset(string UserId) : UserCommand(UserId);

/// <summary>A third-party identifier in its canonical form, as texts.</summary>
internal readonly record struct IdentifierText(string Medium, string Address);
