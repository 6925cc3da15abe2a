namespace Matrix.Host.Storage;

/// <summary>Makes files and folders that nobody else may enter. Existing ones keep their modes.</summary>
public static class OwnFiles
{
    /// <summary>What others than the owner may be allowed.</summary>
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    /// <summary>Makes a folder unless it exists, and those above it.</summary>
    public static DirectoryInfo MakeFolder(string path)
    {
        // .NET would give those above it the usual mode.
        var above = Path.GetDirectoryName(Path.GetFullPath(path));
        if (above is not null && !Directory.Exists(above)) MakeFolder(above);
        return Directory.CreateDirectory(path, OwnFolder);
    }

    /// <summary>Makes an existing folder its owner's alone.</summary>
    public static void CloseFolder(string path) => File.SetUnixFileMode(path, OwnFolder);

    /// <summary>Whether others may enter a folder or see what is in it.</summary>
    public static bool IsOpenToOthers(string folder) => (File.GetUnixFileMode(folder) & Others) != 0;

    /// <summary>Opens a file.</summary>
    public static FileStream Open(
        string path,
        FileMode mode,
        FileAccess access = FileAccess.Write,
        FileShare share = FileShare.None,
        FileOptions options = FileOptions.None) => new(path, new FileStreamOptions
        {
            Mode = mode,
            Access = access,
            Share = share,
            Options = options,

            // Refused for a file that is not made.
            UnixCreateMode = mode is FileMode.Open or FileMode.Truncate ? null : OwnFile,
        });

    /// <summary>Makes a file, or empties one.</summary>
    public static FileStream Create(string path) => Open(path, FileMode.Create);
}
