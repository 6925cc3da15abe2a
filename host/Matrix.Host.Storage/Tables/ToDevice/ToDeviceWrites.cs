using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>
/// A message is sent to a local device, or to all that the user has by then, for which it is kept once. Dropped
/// silently if there is no such device.
/// </summary>
/// <param name="UserId">To whom.</param>
/// <param name="DeviceId">To which device, or <see cref="AllDevices"/>.</param>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public sealed record SendToDevice(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : WriteOperation
{
    /// <summary>The device id that stands for all devices of a user.</summary>
    public const string AllDevices = "*";

    /// <summary>Bytes that a message counts for in an inbox beside its own.</summary>
    public const int Overhead = 512;

    /// <summary>Whose share of the inbox it counts to; empty for nobody's.</summary>
    public string Sender { get; init; } = "";

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A device came back with a token of that position: the messages up to it have arrived.</summary>
public sealed record DeleteToDevice(string UserId, string DeviceId, long Through) : WriteOperation;
