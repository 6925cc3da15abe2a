using System.Text.Json;

namespace Matrix.Host.Storage.Imported;

/// <summary>
/// Where the source of an import is, for the first start: the file `imported-from.json` in the data folder. Only its
/// owner may read it, because the address may hold a password. The first start deletes it.
/// </summary>
/// <param name="IsPostgres">Whether it is PostgreSQL.</param>
/// <param name="Address">The path of a SQLite file, or a connection string.</param>
public sealed record ImportedFrom(bool IsPostgres, string Address)
{
    private const string FileName = "imported-from.json";

    /// <summary>Writes the file.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string folder)
    {
        var file = PathIn(folder);
        OwnFiles.MakeFolder(folder);
        File.Delete(file);
        using (var to = OwnFiles.Open(file, FileMode.CreateNew)) to.Write(JsonSerializer.SerializeToUtf8Bytes(this));
        Durable.Sync(file);
    }

    /// <summary>Reads the file; null if there is none, or it is not of this form.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ImportedFrom? Read(string folder)
    {
        var file = PathIn(folder);
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<ImportedFrom>(File.ReadAllBytes(file)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Deletes the file, if there is one.</summary>
    /// <exception cref="IOException">It cannot be deleted.</exception>
    public static void Delete(string folder) => File.Delete(PathIn(folder));

    /// <summary>The kind only: the address may hold a password.</summary>
    public override string ToString() => IsPostgres ? "a PostgreSQL database" : "a SQLite database";

    private static string PathIn(string folder) => Path.Combine(folder, FileName);
}
