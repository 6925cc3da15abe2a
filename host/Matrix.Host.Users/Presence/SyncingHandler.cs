using System.Formats.Cbor;
using Matrix.Core.Cluster;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Presence;

/// <summary>Takes which devices of this node's users sync at other nodes.</summary>
internal sealed partial class SyncingHandler(PresenceBoard board, ILogger<SyncingHandler> log) : INodeTellHandler
{
    /// <inheritdoc/>
    public NodeTellKind Kind => NodeTellKind.Syncing;

    /// <inheritdoc/>
    public void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        try
        {
            var reader = new CborReader(body, CborConformanceMode.Lax);
            for (var left = (reader.ReadStartArray() ?? 0) / 3; left > 0; left--)
            {
                var device = new UserDevice(reader.ReadTextString(), reader.ReadTextString());
                var state = (PresenceState)reader.ReadInt32();
                if (state is PresenceState.Unavailable or PresenceState.Online) board.Seen(device, state);
            }
        }
        catch (Exception fault) when (
            fault is CborContentException or InvalidOperationException or OverflowException or FormatException)
        {
            LogMalformed(from.Node);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "What was told of devices by {Node} is malformed")]
    private partial void LogMalformed(string node);
}
