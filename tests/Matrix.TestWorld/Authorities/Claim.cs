using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.TestWorld.Authorities;

/// <summary>The authority that a change of a batch needs.</summary>
internal abstract record Claim
{
    private Claim()
    {
    }

    /// <summary>None: conditions decide it, or it is right in any order.</summary>
    internal static Claim None { get; } = new NoClaim();

    /// <summary>The change of a room's lane, or of what else belongs to the room.</summary>
    internal sealed record OfRoom(RoomNid Room) : Claim;

    /// <summary>The room that the change names by its id.</summary>
    internal sealed record OfRoomId(string RoomId) : Claim;

    /// <summary>Exactly this one.</summary>
    internal sealed record Of(Authority Authority) : Claim;

    /// <summary>Some of this kind: the change does not say which.</summary>
    internal sealed record OfSome(AuthorityKind Kind) : Claim;

    /// <summary>Some of this kind, or none.</summary>
    internal sealed record Maybe(AuthorityKind Kind) : Claim;

    private sealed record NoClaim : Claim;
}
