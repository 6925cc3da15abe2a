using Matrix.Benchmarks.Clients.Measures;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Clients;

/// <summary>All measures of the client API by name.</summary>
internal static class ClientsRun
{
    public static IReadOnlyList<IMeasure> All { get; } =
    [
        new SlidingMeasure(), new SearchMeasure(), new IndexingMeasure(), new MediaMeasure(), new ThumbnailMeasure(),
        new DirectoryMeasure(), new KeysMeasure(), new PushMeasure(), new ServiceMeasure(), new LoginsMeasure(),
        new FloodsMeasure(),
    ];
}
