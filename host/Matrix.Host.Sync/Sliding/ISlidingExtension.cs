using Matrix.Core.Sync;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// An extension of sliding sync: more than rooms, such as messages to the device. A further one is a file of its own,
/// and a line in the registration; what it sends is read by its stream. How far it was sent stands in
/// <see cref="PendingAnswer.Positions"/> under its name, and is stored with the connection.
/// </summary>
internal interface ISlidingExtension
{
    /// <summary>The name in requests and responses.</summary>
    string Name { get; }

    /// <summary>
    /// Called with the request's settings before anything is read, such as to delete what the client has got. Returns
    /// the reason to refuse the request, or null.
    /// </summary>
    ValueTask<string?> BeginAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop) =>
        ValueTask.FromResult<string?>(null);

    /// <summary>Writes the extension's member of the response, if it has something to say.</summary>
    ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop);
}

/// <summary>The rooms that an extension applies to.</summary>
internal static class ExtensionRooms
{
    /// <summary>
    /// The rooms that the client has after this response and that may have news. By default an extension applies to
    /// all lists and all subscriptions.
    /// </summary>
    public static IEnumerable<RoomMatch> Of(SlidingPass pass, ExtensionRequest request) => pass.Matches.Where(match =>
        AppliesTo(match, request) && pass.SentOf(match.Room.RoomId) is { IsFull: true });

    /// <summary>Whether an extension applies to a room.</summary>
    public static bool AppliesTo(RoomMatch match, ExtensionRequest request) =>
        InLists(match, request) || InSubscriptions(match, request);

    private static bool InLists(RoomMatch match, ExtensionRequest request) => request.Lists is { } lists
        ? match.Lists.Count > 0 && (lists.Contains("*") || match.Lists.Any(lists.Contains))
        : match.Lists.Count > 0;

    private static bool InSubscriptions(RoomMatch match, ExtensionRequest request) =>
        match.IsSubscribed
        && (request.Rooms is not { } rooms || rooms.Contains("*") || rooms.Contains(match.Room.RoomId));
}
