using Matrix.Import.Runs;

namespace Matrix.Import.Federation;

/// <summary>
/// The parts with what other servers are owed, and what is known of them. They come after the rooms: events are owed by
/// their numbers.
/// </summary>
internal static class FederationParts
{
    /// <summary>The parts, in the order in which they run.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        new DestinationsPart(),
        new OwedEventsPart(),
        new OutboundMessagesPart(),
        new ReceivedMessagesPart(),
        new ReceivedTransactionsPart(),
        new ServerKeysPart(),
    ];
}
