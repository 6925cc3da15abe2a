using System.Net.Http.Headers;
using System.Text;
using Matrix.Host.Media.Store;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>The media of a server.</summary>
internal static class MediaServer
{
    /// <summary>The files that a server keeps, without those that show whose folder it is.</summary>
    internal static string[] FilesOf(TestServer server)
    {
        var folder = Path.Combine(server.Folder, "media");
        return
        [
            .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Except([.. new[] { "lock", "owner", "cluster" }.Select(name => Path.Combine(folder, name))]),
        ];
    }

    /// <summary>Deletes media that is no longer kept.</summary>
    internal static ValueTask CleansMediaAsync(this TestServer server) =>
        server.Services.GetRequiredService<MediaCleaner>().CleanAsync(CancellationToken.None);

    /// <summary>Deletes contents without a URI.</summary>
    internal static ValueTask SweepsMediaAsync(this TestServer server) =>
        server.Services.GetRequiredService<MediaCleaner>().SweepAsync(CancellationToken.None);
}
