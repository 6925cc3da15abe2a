namespace Matrix.Cluster.Tests;

/// <summary>
/// A node as a process: its arguments are those of <see cref="NodeProcess"/>. With `measure`, the figures of decision
/// record 165: `deaths`, how soon nodes that end or stand still are dead to others; `busy`, whether busy ones are;
/// `calls`, what these cost.
/// </summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments) =>
        arguments is ["measure", .. var what] ? Measures.RunAsync(what) : NodeProgram.RunAsync(arguments);
}
