namespace Matrix.Cluster.Tests;

/// <summary>
/// A node as a process: its arguments are those of <see cref="NodeProcess"/>. With `measure`, the figures of decision
/// record 165: how soon nodes that end or stand still are dead to others, and whether busy ones are.
/// </summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments) =>
        arguments is ["measure"] ? Measures.RunAsync() : NodeProgram.RunAsync(arguments);
}
