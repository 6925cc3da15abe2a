using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Storage;

internal sealed class FileRightsTests
{
    [Test]
    public async Task The_files_of_a_database_are_for_their_owner_alone()
    {
        var folder = Directory.CreateTempSubdirectory("matrix-rights-").FullName;
        try
        {
            await using var storage = await StorageEngine.OpenAsync(
                new StorageOptions { Url = "sqlite:matrix.db", DataDir = folder, ServerName = "one.test" }, default);
            foreach (var file in Directory.GetFiles(folder))
            {
                Assert.That(
                    File.GetUnixFileMode(file),
                    Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite),
                    file);
            }

            Assert.That(File.Exists(Path.Combine(folder, "matrix.db")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
