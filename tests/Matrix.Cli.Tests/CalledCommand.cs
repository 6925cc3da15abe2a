using System.Reflection;
using System.Runtime.Loader;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>
/// Calls the built `mx` in this process, for tests that ask it hundreds of questions: most of the time of a process
/// is its start. One call after another, since the console belongs to the process.
/// </summary>
internal static class CalledCommand
{
    private static readonly Lock _console = new();
    private static readonly Lazy<MethodInfo> _main = new(() => new BuiltContext(Command.Tool).Main);

    /// <summary>Calls it with these arguments and without input.</summary>
    public static Ran Run(params string[] arguments)
    {
        lock (_console)
        {
            var (output, errors) = (Console.Out, Console.Error);
            using var written = new StringWriter();
            using var complained = new StringWriter();
            Console.SetOut(written);
            Console.SetError(complained);
            try
            {
                var code = (int)_main.Value.Invoke(null, [arguments])!;
                return new Ran(code, written.ToString(), complained.ToString());
            }
            finally
            {
                Console.SetOut(output);
                Console.SetError(errors);
            }
        }
    }

    /// <summary>A program with the assemblies that it was built with, beside those of the tests.</summary>
    private sealed class BuiltContext(string program) : AssemblyLoadContext("mx")
    {
        private readonly AssemblyDependencyResolver _resolver = new(program);

        public MethodInfo Main => LoadFromAssemblyPath(program).EntryPoint!;

        protected override Assembly? Load(AssemblyName assemblyName) =>
            _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
    }
}
