using System.Runtime.InteropServices;

namespace Matrix.Host.Sodium;

internal static partial class Native
{
    private const string Library = "libsodium.so.23";

    [LibraryImport(Library)]
    internal static partial int sodium_init();
}
