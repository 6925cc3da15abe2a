using Matrix.Benchmarks.Federation.Measures;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Federation;

/// <summary>All measures of federation by name.</summary>
internal static class FederationRun
{
    public static IReadOnlyList<IMeasure> All { get; } =
    [
        new MessageMeasure(), new FloodMeasure(), new TransactionsMeasure(), new GrowthMeasure(), new JoinMeasure(),
        new SilentPeerMeasure(), new OutageMeasure(), new IdleMeasure(),
    ];
}
