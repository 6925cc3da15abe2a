using Matrix.Import.Runs;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// The parts with who must learn of changes of devices, and with the devices of other servers' users. They come after
/// all parts that write devices and keys.
/// </summary>
internal static class DeviceListParts
{
    /// <summary>The parts, in the order in which they run.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        new ForgottenUpdatesPart(),
        new PendingUpdatesPart(),
        new NewUpdatesPart(),
        new SentUpdatesPart(),
        new ChangedListsPart(),
        new ChangedSignaturesPart(),
        new RemoteListsPart(),
    ];
}
