using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>An alias is made. Not applied if it is taken.</summary>
public sealed record CreateAlias(string Alias, RoomNid Room, string Creator) : ConditionalOperation;

/// <summary>An alias is deleted. Not applied if there is none.</summary>
public sealed record DeleteAlias(string Alias) : ConditionalOperation;

/// <summary>A room enters or leaves the published directory.</summary>
public sealed record SetPublished(RoomNid Room, bool Published) : WriteOperation;
