using Matrix.Import.Runs;

namespace Matrix.Import.Keys;

/// <summary>The parts with the keys of this server's users. They come after the users and their devices.</summary>
internal static class KeyParts
{
    /// <summary>The parts, in the order in which they run.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        new DeviceKeysPart(),
        new FallbackKeysPart(),
        new OneTimeKeysPart(),
        new CrossSigningKeysPart(),
        new KeySignaturesPart(),
        new KeyBackupsPart(),
        new DehydratedDevicesPart(),
        new MessagesToDevicesPart(),
    ];
}
