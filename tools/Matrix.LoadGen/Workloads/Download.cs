using System.Security.Cryptography;

namespace Matrix.LoadGen.Workloads;

/// <summary>Downloads of an uploaded file, one after another.</summary>
internal sealed class Download : IWorkload
{
    /// <summary>The size of the file.</summary>
    public const int Bytes = 10_000_000;

    public string Name => "download";

    public string Sentence => "downloads of a file of 10 MB, one after another (floor: a static file)";

    public IRun Prepare(Stage stage)
    {
        if (stage.Server.Kind == Servers.ServerKind.Floor)
        {
            return new Repeated(stage, Floor.File(stage.Server).Make);
        }

        var user = stage.Population.First(1)[0];
        using var uploading = user.Uploading("application/octet-stream");
        var path = user.Upload(uploading, RandomNumberGenerator.GetBytes(Bytes));
        return new Repeated(stage, () => user.Get(path));
    }
}
