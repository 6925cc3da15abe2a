namespace Matrix.Import.Checking;

/// <summary>A user who could not sign in after the import.</summary>
/// <param name="UserId">The user.</param>
/// <param name="Ways">The ways that they have in Synapse, none of which is carried.</param>
public sealed record LockedOutUser(string UserId, string Ways);
