using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>A message is sent to a local device; dropped silently if there is no such device.</summary>
/// <param name="UserId">To whom.</param>
/// <param name="DeviceId">To which device.</param>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public sealed record SendToDevice(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : WriteOperation
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>A device came back with a token of that position: the messages up to it have arrived.</summary>
public sealed record DeleteToDevice(string UserId, string DeviceId, long Through) : WriteOperation;
